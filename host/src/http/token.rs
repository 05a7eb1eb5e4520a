//! `POST /oauth/v2/token`: issues tokens by the client credentials grant (RFC 6749, section 4.4), and refreshes those that were
//! issued with a refresh token (section 6), with Mautic's texts.
//!
//! RFC 6749 advises against refresh tokens for client credentials, as the client can show its secret again. So a client gets one
//! only if it asks for the scope `offline_access`, as OpenID Connect names it.

use std::collections::HashMap;

use hyper::{HeaderMap, StatusCode};
use serde::Serialize;

use super::body::ItemBody;
use super::credentials::Credentials;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::jobs::{IssuedToken, Refreshed, Service};
use crate::store::Authentication;
use crate::tenants::{RefreshToken, Scope, Secret};

/// The scope for which a client gets a refresh token.
const OFFLINE_ACCESS: &str = "offline_access";

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
}

/// What a client shows for a token.
enum Grant {
    /// Its credentials alone.
    ClientCredentials { with_refresh_token: bool },
    /// Its credentials and a refresh token.
    RefreshToken(String),
}

impl Grant {
    fn read(fields: &mut HashMap<String, String>) -> Result<Self, Problem> {
        match fields.get("grant_type").map(String::as_str) {
            Some("client_credentials") => {
                let scope = fields.remove("scope").unwrap_or_default();
                let with_refresh_token = scope.split_whitespace().any(|scope| scope == OFFLINE_ACCESS);
                Ok(Self::ClientCredentials { with_refresh_token })
            }
            Some("refresh_token") => Ok(Self::RefreshToken(fields.remove("refresh_token").unwrap_or_default())),
            Some("authorization_code" | "password") => {
                Err(Problem::oauth("unauthorized_client", "The grant type is unauthorized for this client_id"))
            }
            _ => Err(Problem::oauth("invalid_request", "Invalid grant_type parameter or parameter missing")),
        }
    }
}

/// Issues a token; blocks.
pub(super) fn issue(service: &Service, headers: &HeaderMap, mut body: ItemBody) -> Result<Reply, Problem> {
    let mut fields = body.take_fields()?;
    let grant = Grant::read(&mut fields)?;
    let (id, secret) = client(headers, &mut fields)?;
    let invalid = || Problem::oauth("invalid_client", "The client credentials are invalid");
    let secret = secret.ok_or_else(invalid)?;
    let Authentication::Tenant(tenant, scope) = service.authenticate(Some(&id), &secret)? else {
        return Err(invalid());
    };
    let issued = match grant {
        Grant::ClientCredentials { with_refresh_token } => service.issue_token(&tenant, &secret, with_refresh_token)?,
        Grant::RefreshToken(shown) => {
            if shown.is_empty() {
                return Err(Problem::oauth("invalid_request", "No \"refresh_token\" parameter found"));
            }
            let unknown = || Problem::oauth("invalid_grant", "Invalid refresh token");
            let shown = RefreshToken::from_client(&shown).ok_or_else(unknown)?;
            match service.refresh_token(&tenant, &secret, &shown)? {
                Refreshed::Issued(issued) => issued,
                Refreshed::Unknown => return Err(unknown()),
                Refreshed::Expired => return Err(Problem::oauth("invalid_grant", "Refresh token has expired")),
            }
        }
    };
    Ok(answer(&issued, scope))
}

/// Returns the client id and the secret: Basic credentials, or what the body has.
fn client(headers: &HeaderMap, fields: &mut HashMap<String, String>) -> Result<(String, Option<Secret>), Problem> {
    if let Ok(Credentials::Basic(id, secret)) = Credentials::from_headers(headers) {
        return Ok((id, Some(secret)));
    }
    // No client id contains NUL, and PostgreSQL accepts none in a text.
    let id = fields.remove("client_id").filter(|id| !id.contains('\0'));
    let id = id.ok_or_else(|| Problem::oauth("invalid_client", "Client id was not found in the headers or body"))?;
    Ok((id, fields.remove("client_secret").map(Secret::from_client)))
}

fn answer(issued: &IssuedToken, scope: Scope) -> Reply {
    let refresh_token = issued.refresh_token.as_ref().map(RefreshToken::reveal);
    // Mautic's answers name no scope, and there a token may do everything.
    let limited = (scope != Scope::Full).then_some(scope.as_str());
    let scopes: Vec<&str> = limited.into_iter().chain(refresh_token.is_some().then_some(OFFLINE_ACCESS)).collect();
    let body = TokenBody {
        access_token: issued.token.reveal(),
        expires_in: issued.lifetime.as_secs(),
        token_type: "bearer",
        scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
        refresh_token,
    };
    json(StatusCode::OK, &body)
}
