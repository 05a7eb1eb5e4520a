//! `/admin/tenants/{tenant}/secrets`, `/admin/tenants/{tenant}/tokens` and `/admin/tokens/revoke`.

use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::tenants::read_object;
use crate::http::problem::Problem;
use crate::http::reply::{Reply, json};
use crate::operations::{AddedSecretView, Operations, RevokedSecretView, RevokedTokensView, SecretView};
use crate::tenants::Secret;

#[derive(Serialize)]
struct SecretListBody {
    secrets: Vec<SecretView>,
}

/// A new secret as an operator asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NewSecretBody {
    expires_days: Option<u32>,
}

/// A token that is to be revoked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    token: String,
}

/// Adds a secret and returns it.
pub(super) fn add(operations: &Operations, tenant: &str, body: &str) -> Result<Reply, Problem> {
    let new: NewSecretBody =
        read_object(body, "The new secret", "Send {} or 'expiresDays', such as {\"expiresDays\":90}.")?;
    let added = operations.add_secret(tenant, new.expires_days)?;
    Ok(json(StatusCode::CREATED, &AddedSecretView::new(tenant, &added)))
}

pub(super) fn list(operations: &Operations, tenant: &str) -> Result<Reply, Problem> {
    let secrets = operations.secrets(tenant)?.into_iter().map(SecretView::from).collect();
    Ok(json(StatusCode::OK, &SecretListBody { secrets }))
}

/// Revokes a secret, and the last one only if `force` is "true".
pub(super) fn revoke(operations: &Operations, tenant: &str, id: &str, force: Option<&str>) -> Result<Reply, Problem> {
    let revoked_tokens = operations.revoke_secret(tenant, id, force == Some("true"))?;
    Ok(json(StatusCode::OK, &RevokedSecretView { tenant, id, revoked_tokens }))
}

pub(super) fn revoke_tokens(operations: &Operations, tenant: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &RevokedTokensView { revoked_tokens: operations.revoke_tokens(tenant)? }))
}

/// Revokes the token or refresh token in the body, which no log of a proxy has.
pub(super) fn revoke_token(operations: &Operations, body: &str) -> Result<Reply, Problem> {
    let body: TokenBody = read_object(body, "The request", "Send 'token'.")?;
    let revoked_tokens = operations.revoke_token(&Secret::from_client(body.token))?;
    Ok(json(StatusCode::OK, &RevokedTokensView { revoked_tokens }))
}
