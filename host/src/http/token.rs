//! `POST /oauth/v2/token`: issues tokens by the client credentials grant (RFC 6749, section 4.4), with Mautic's texts.

use hyper::{HeaderMap, StatusCode};
use serde::Serialize;

use super::body::ItemBody;
use super::credentials::Credentials;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::jobs::Service;
use crate::store::Authentication;
use crate::tenants::Secret;

#[derive(Serialize)]
struct TokenBody<'a> {
    access_token: &'a str,
    expires_in: u64,
    token_type: &'static str,
    scope: (),
}

/// A request for a token. The client id and the secret are in the body, or are Basic credentials.
struct TokenRequest {
    grant: Option<String>,
    client: Option<(String, Secret)>,
    names_client: bool,
}

impl TokenRequest {
    fn read(headers: &HeaderMap, mut body: ItemBody) -> Result<Self, Problem> {
        let mut fields = body.take_fields()?;
        let (id, secret) = (fields.remove("client_id"), fields.remove("client_secret"));
        let (id, secret) = match Credentials::from_headers(headers) {
            Ok(Credentials::Basic(id, secret)) => (Some(id), Some(secret)),
            _ => (id, secret.map(Secret::from_client)),
        };
        Ok(Self { grant: fields.remove("grant_type"), names_client: id.is_some(), client: id.zip(secret) })
    }
}

/// Issues a token; blocks.
pub(super) fn issue(service: &Service, headers: &HeaderMap, body: ItemBody) -> Result<Reply, Problem> {
    let request = TokenRequest::read(headers, body)?;
    match request.grant.as_deref() {
        Some("client_credentials") => {}
        Some("authorization_code" | "password" | "refresh_token") => {
            return Err(Problem::oauth("unauthorized_client", "The grant type is unauthorized for this client_id"));
        }
        _ => return Err(Problem::oauth("invalid_request", "Invalid grant_type parameter or parameter missing")),
    }
    if !request.names_client {
        return Err(Problem::oauth("invalid_client", "Client id was not found in the headers or body"));
    }
    let invalid = || Problem::oauth("invalid_client", "The client credentials are invalid");
    let (id, secret) = request.client.ok_or_else(invalid)?;
    let Authentication::Tenant(tenant) = service.authenticate(Some(&id), &secret)? else { return Err(invalid()) };
    let (token, lifetime) = service.issue_token(&tenant, &secret)?;
    let answer =
        TokenBody { access_token: token.reveal(), expires_in: lifetime.as_secs(), token_type: "bearer", scope: () };
    Ok(json(StatusCode::OK, &answer))
}
