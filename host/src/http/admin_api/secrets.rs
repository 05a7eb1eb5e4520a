//! `/admin/tenants/{tenant}/secrets`, `/admin/tenants/{tenant}/tokens` and `/admin/tokens/revoke`.

use hyper::StatusCode;
use serde::Serialize;

use super::tenants::unreadable;
use crate::http::problem::Problem;
use crate::http::reply::{Reply, json};
use crate::operations::{
    AddedSecretView, OperationError, Operations, RevokedSecretView, RevokedTokensView, SecretSettings, SecretView,
};
use crate::operator_json::{JsonError, JsonText};
use crate::tenants::Secret;

#[derive(Serialize)]
struct SecretListBody {
    secrets: Vec<SecretView>,
}

/// Adds a secret and returns it.
pub(super) fn add(operations: &Operations, tenant: &str, body: &str) -> Result<Reply, Problem> {
    let read = || -> Result<_, JsonError> {
        let mut members = JsonText::parse(body)?.object(&["name", "scope", "expiresDays"])?;
        let days = members.take_optional("expiresDays").map(|days| days.whole_number(u64::from(u32::MAX)));
        let name = members.take_optional("name").map(|name| name.text()).transpose()?;
        let scope = members.take_optional("scope").map(|scope| scope.text()).transpose()?;
        Ok((name, scope, days.transpose()?))
    };
    let advice = "Send {} or some of 'name', 'scope' and 'expiresDays', such as {\"name\":\"CRM sync\",\"scope\":\"read\",\"expiresDays\":90}.";
    let (name, scope, days) = read().map_err(|error| unreadable("The new secret", &error, advice))?;
    let settings = SecretSettings {
        name: name.map(|name| name.parse()).transpose().map_err(OperationError::from)?,
        scope: scope.map(|scope| scope.parse()).transpose().map_err(OperationError::from)?.unwrap_or_default(),
        expires_days: days.map(|days| u32::try_from(days).unwrap_or(u32::MAX)),
    };
    let added = operations.add_secret(tenant, settings)?;
    Ok(json(StatusCode::CREATED, &AddedSecretView::new(tenant, &added)))
}

pub(super) fn list(operations: &Operations, tenant: &str) -> Result<Reply, Problem> {
    let secrets = operations.secrets(tenant)?.into_iter().map(SecretView::from).collect();
    Ok(json(StatusCode::OK, &SecretListBody { secrets }))
}

/// Revokes a secret, and the last one only with `force`.
pub(super) fn revoke(operations: &Operations, tenant: &str, id: &str, force: bool) -> Result<Reply, Problem> {
    let revoked_tokens = operations.revoke_secret(tenant, id, force)?;
    Ok(json(StatusCode::OK, &RevokedSecretView { tenant, id, revoked_tokens }))
}

pub(super) fn revoke_tokens(operations: &Operations, tenant: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &RevokedTokensView { revoked_tokens: operations.revoke_tokens(tenant)? }))
}

/// Revokes the token or refresh token in the body, which no log of a proxy has.
pub(super) fn revoke_token(operations: &Operations, body: &str) -> Result<Reply, Problem> {
    let read = || -> Result<_, JsonError> { JsonText::parse(body)?.object(&["token"])?.take_required("token")?.text() };
    let token = read().map_err(|error| unreadable("The request", &error, "Send 'token'."))?;
    let revoked_tokens = operations.revoke_token(&Secret::from_client(token))?;
    Ok(json(StatusCode::OK, &RevokedTokensView { revoked_tokens }))
}
