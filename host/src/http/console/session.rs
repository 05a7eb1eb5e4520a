//! Who visits the console: a session begins with a log-in and is known by a cookie. The store has the session's SHA-256 beside that of
//! the secret with which it began, so that a session ends with its secret.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue};
use parking_lot::Mutex;

use super::operators::Operators;
use crate::http::admin_api::OperatorRights;
use crate::http::blocking::blocking;
use crate::http::problem::Problem;
use crate::jobs::Service;
use crate::store::{Authentication, Tenant};
use crate::tenants::{Scope, Secret};

/// How long a session lasts: a working day.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// The cookie over TLS. The prefix binds it to this host, over TLS and with the path `/`.
const SECURE_COOKIE: &str = "__Host-bulkhead";
/// The cookie without TLS, as on the own machine.
const PLAIN_COOKIE: &str = "bulkhead";
/// Bytes of a session's id: 256 random bits, written as text.
const ID_BYTES: usize = 43;

/// How long an operator's session counts on while the store does not answer.
const REMEMBERED_FOR: Duration = Duration::from_secs(15 * 60);
/// Operators' sessions that are remembered.
const MAX_REMEMBERED: usize = 100;

/// Who sends a request.
#[derive(Debug)]
pub(super) enum Visitor {
    /// Nobody who has logged in.
    Nobody,
    /// Somebody whose session has ended, or who guesses one.
    Ended,
    /// Somebody of a tenant, with what the secret allows.
    Tenant(Box<Tenant>, Scope),
    /// An operator, with what the token allows.
    Operator(OperatorRights),
}

/// What a session began with, if that may still begin one.
enum Credential {
    Secret(Box<Tenant>, Scope),
    /// The SHA-256 of a token of operators, which the server knows or not.
    Token([u8; 32]),
}

/// An operator's session that was found in the store.
struct LookedUp {
    at: Instant,
    token: [u8; 32],
}

/// The sessions of all visitors.
pub(super) struct Sessions {
    service: Arc<Service>,
    /// The sessions of operators that were looked up lately, with their tokens: they count on while the store does not answer, as that is
    /// what an operator must see.
    of_operators: Mutex<HashMap<[u8; 32], LookedUp>>,
}

impl Sessions {
    pub(super) fn new(service: Arc<Service>) -> Self {
        Self { service, of_operators: Mutex::default() }
    }

    /// Remembers the token of an operator's session that the store has.
    fn remember(&self, id: [u8; 32], token: [u8; 32]) {
        let mut sessions = self.of_operators.lock();
        if sessions.len() >= MAX_REMEMBERED && !sessions.contains_key(&id) {
            sessions.retain(|_, session| session.at.elapsed() < REMEMBERED_FOR);
        }
        if sessions.len() < MAX_REMEMBERED || sessions.contains_key(&id) {
            sessions.insert(id, LookedUp { at: Instant::now(), token });
        }
    }

    /// Returns the token of an operator's session that was looked up lately.
    fn remembered(&self, id: &[u8; 32]) -> Option<[u8; 32]> {
        let sessions = self.of_operators.lock();
        sessions.get(id).filter(|session| session.at.elapsed() < REMEMBERED_FOR).map(|session| session.token)
    }

    /// Finds the visitor whose session has this id; `None` if there is no such session any more, or its secret or token is not right
    /// any more.
    ///
    /// # Errors
    /// 503 if the store cannot answer.
    pub(super) async fn visitor(&self, id: &Secret, operators: Option<&Operators>) -> Result<Option<Visitor>, Problem> {
        let (service, hash) = (Arc::clone(&self.service), id.hash());
        let credential = blocking(move || {
            let Some(session) = service.console_session(&hash)? else { return Ok(None) };
            let Some(of) = session.tenant else { return Ok(Some(Credential::Token(session.credential))) };
            Ok(match service.tenant_of_secret(&session.credential)? {
                Authentication::Tenant(tenant, scope) if tenant.id == of => Some(Credential::Secret(tenant, scope)),
                Authentication::Tenant(..) | Authentication::ExpiredToken | Authentication::Unknown => None,
            })
        })
        .await;
        let is_looked_up = credential.is_ok();
        let credential = match (credential, self.remembered(&hash)) {
            (Ok(credential), _) => credential,
            (Err(_), Some(token)) => Some(Credential::Token(token)),
            (Err(problem), None) => return Err(problem),
        };
        let token = match credential {
            Some(Credential::Secret(tenant, scope)) => return Ok(Some(Visitor::Tenant(tenant, scope))),
            Some(Credential::Token(token)) => token,
            None => {
                self.of_operators.lock().remove(&hash);
                return Ok(None);
            }
        };
        let Some(operators) = operators else { return Ok(None) };
        let rights = operators.rights(&token);
        if rights.is_none() {
            // The session must not come back with the token.
            let service = Arc::clone(&self.service);
            blocking(move || Ok(service.end_console_session(&hash)?)).await?;
        } else if is_looked_up {
            self.remember(hash, token);
        }
        Ok(rights.map(Visitor::Operator))
    }

    /// Begins a session with a tenant's secret, which is right. Returns the cookie.
    ///
    /// # Errors
    /// 503 if the store cannot answer.
    pub(super) async fn begin(&self, secret: Secret, tenant: &Tenant, is_secure: bool) -> Result<HeaderValue, Problem> {
        let (service, tenant) = (Arc::clone(&self.service), tenant.clone());
        let id = blocking(move || {
            let id = Secret::random().map_err(|error| Problem::panicked(&error))?;
            service.begin_console_session(&id.hash(), &secret.hash(), &tenant, LIFETIME)?;
            Ok(id)
        })
        .await?;
        cookie(is_secure, id.reveal(), LIFETIME)
    }

    /// Begins a session with a token of operators, which is right. Returns the cookie.
    ///
    /// # Errors
    /// 503 if the store cannot answer.
    pub(super) async fn begin_operators(&self, token: [u8; 32], is_secure: bool) -> Result<HeaderValue, Problem> {
        let service = Arc::clone(&self.service);
        let id = blocking(move || {
            let id = Secret::random().map_err(|error| Problem::panicked(&error))?;
            service.begin_operator_session(&id.hash(), &token, LIFETIME)?;
            Ok(id)
        })
        .await?;
        cookie(is_secure, id.reveal(), LIFETIME)
    }

    /// Ends the session of a request, if there is one.
    ///
    /// # Errors
    /// 503 if the store cannot answer.
    pub(super) async fn end(&self, headers: &HeaderMap, is_secure: bool) -> Result<(), Problem> {
        let Some(id) = session_id(headers, is_secure) else { return Ok(()) };
        self.of_operators.lock().remove(&id.hash());
        let service = Arc::clone(&self.service);
        blocking(move || Ok(service.end_console_session(&id.hash())?)).await
    }
}

/// Returns the cookie without a value, which has the browser forget it.
pub(super) fn no_cookie(is_secure: bool) -> Result<HeaderValue, Problem> {
    cookie(is_secure, "", Duration::ZERO)
}

fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_COOKIE } else { PLAIN_COOKIE }
}

fn cookie(is_secure: bool, value: &str, lifetime: Duration) -> Result<HeaderValue, Problem> {
    let (name, secure) = (cookie_name(is_secure), if is_secure { "; Secure" } else { "" });
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}", lifetime.as_secs());
    HeaderValue::from_str(&text).map_err(|error| Problem::panicked(&error))
}

/// Reads the session's id in the cookies. Of several, the first one that can be an id counts.
pub(super) fn session_id(headers: &HeaderMap, is_secure: bool) -> Option<Secret> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let is_id = |value: &str| value.len() == ID_BYTES && value.bytes().all(|byte| byte.is_ascii_graphic());
    let (_, id) = pairs.find(|(name, value)| *name == cookie_name(is_secure) && is_id(value))?;
    Some(Secret::from_client(id))
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{COOKIE, HeaderValue};

    use super::session_id;

    #[test]
    fn the_cookie_of_the_scheme_has_the_session() {
        let id = "a".repeat(43);
        for (line, is_secure, is_found) in [
            (format!("bulkhead={id}"), false, true),
            (format!("x=1; bulkhead={id};y"), false, true),
            (format!("__Host-bulkhead={id}"), true, true),
            (format!("bulkhead={id}"), true, false),
            (format!("__Host-bulkhead={id}"), false, false),
            (format!("Bulkhead={id}"), false, false),
            (format!("bulkhead={id}a"), false, false),
            (String::from("bulkhead="), false, false),
            (format!("bulkhead=short; bulkhead={id}"), false, true),
            (String::from(";;=;"), false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_str(&line).unwrap());
            assert_eq!(session_id(&headers, is_secure).is_some(), is_found, "{line} {is_secure}");
        }
    }
}
