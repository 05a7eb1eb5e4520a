//! What clients call: credentials first, then the route, then the body.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request};
use tokio::sync::OwnedSemaphorePermit;

use super::blocking::blocking;
use super::body::{self, BodyLimits};
use super::credentials::Credentials;
use super::problem::Problem;
use super::reply::Reply;
use super::route::Route;
use super::share::Shares;
use super::{batch, bulk, contacts, job, single, token};
use crate::jobs::Service;
use crate::store::{Known, Tenant};

/// Where tokens are issued.
const TOKEN_PATH: &str = "/oauth/v2/token";
/// Bytes of a request for a token.
const TOKEN_BODY: usize = 16 << 10;
/// Calls of one tenant that run a component, or wait to.
const CALLS: usize = 8;
/// How long a call waits to be one of them.
const CALL_PATIENCE: Duration = Duration::from_secs(5);

/// Clients of Mautic ask for this header and go by it; it says whose version of the API this is.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("mautic-version"), HeaderValue::from_static("5.1.0"));

/// The site for clients.
pub(super) struct Clients {
    pub(super) service: Arc<Service>,
    bodies: BodyLimits,
    /// Of the memory for bodies.
    body_shares: Shares,
    /// Of the threads that block.
    call_shares: Shares,
}

impl Clients {
    /// A site whose requests have bodies within these limits.
    pub(super) fn new(service: Arc<Service>, bodies: BodyLimits, body_shares: Shares) -> Self {
        Self { service, bodies, body_shares, call_shares: Shares::new(CALLS) }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        let mut reply = self.route(request).await.unwrap_or_else(Problem::into_reply);
        let (name, value) = API_VERSION;
        reply.headers_mut().insert(name, value);
        reply
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        if request.uri().path() == TOKEN_PATH {
            return self.issue_token(request).await;
        }
        // Who does not show credentials learns nothing, not even which paths exist.
        let tenant = self.authenticate(&request).await?;
        let (head, body) = request.into_parts();
        let route = Route::find(&overridden(&head.method, &head.headers), head.uri.path())?;
        let service = Arc::clone(&self.service);
        let bodies = self.bodies.within(self.body_shares.of(tenant.id));
        let query = head.uri.query().map(str::to_owned);
        match route {
            Route::Bulk(operation) => {
                let key = bulk::idempotency_key(&head.headers)?;
                let body = body::receive(&head.headers, body, &bodies).await?;
                blocking(move || bulk::submit(&service, &tenant, operation, body, key)).await
            }
            Route::Batch(operation) => {
                let share = self.call(&tenant).await?;
                let body = body::receive(&head.headers, body, &bodies).await?;
                blocking(move || held(share, batch::apply(&service, &tenant, operation, body))).await
            }
            Route::Single(operation, id) => {
                let share = self.call(&tenant).await?;
                let body = body::receive(&head.headers, body, &bodies).await?;
                blocking(move || held(share, single::apply(&service, &tenant, operation, id, body))).await
            }
            Route::ReadJob(id) => {
                blocking(move || job::read(&service, &tenant, id, &job::Query::parse(query.as_deref()))).await
            }
            Route::DeleteJob(id) => blocking(move || job::delete(&service, &tenant, id)).await,
            Route::ListContacts => {
                let share = self.call(&tenant).await?;
                blocking(move || held(share, contacts::list(&service, &tenant, query.as_deref()))).await
            }
            Route::ReadContact(id) => {
                let share = self.call(&tenant).await?;
                blocking(move || held(share, contacts::read(&service, &tenant, id))).await
            }
            Route::DeleteContact(id) => {
                let share = self.call(&tenant).await?;
                blocking(move || held(share, contacts::delete(&service, &tenant, id))).await
            }
        }
    }

    /// The one call whose credentials may be in the body, which is therefore small.
    async fn issue_token(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        if request.method() != Method::POST {
            return Err(Problem::wrong_method(request.method().as_str(), "POST"));
        }
        let (head, body) = request.into_parts();
        let body = body::receive(&head.headers, body, &self.bodies.at_most(TOKEN_BODY)).await?;
        let service = Arc::clone(&self.service);
        blocking(move || token::issue(&service, &head.headers, body)).await
    }

    /// Waits until a tenant may call once more.
    async fn call(&self, tenant: &Tenant) -> Result<OwnedSemaphorePermit, Problem> {
        match tokio::time::timeout(CALL_PATIENCE, self.call_shares.of(tenant.id).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => {
                Err(Problem::unavailable("Too many requests at once. Nothing was stored; send it again."))
            }
        }
    }

    async fn authenticate(&self, request: &Request<Incoming>) -> Result<Tenant, Problem> {
        let credentials = Credentials::from_headers(request.headers())?;
        let service = Arc::clone(&self.service);
        blocking(move || match service.authenticate(credentials.client_id(), credentials.secret())? {
            Known::Tenant(tenant) => Ok(*tenant),
            Known::Expired => Err(Problem::expired_token()),
            Known::Nobody => Err(credentials.refusal()),
        })
        .await
    }
}

/// What something came to, and the share it held until then.
fn held<T>(share: OwnedSemaphorePermit, result: T) -> T {
    drop(share);
    result
}

/// Clients behind proxies that know only GET and POST send the method they mean in a header, as Mautic allows.
fn overridden(method: &Method, headers: &hyper::HeaderMap) -> Method {
    let meant = headers.get("x-http-method-override").and_then(|value| Method::from_bytes(value.as_bytes()).ok());
    match meant {
        Some(meant) if method == Method::POST => meant,
        _ => method.clone(),
    }
}
