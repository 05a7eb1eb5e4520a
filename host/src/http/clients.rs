//! What clients call: credentials first, then the route, then the body.

use std::sync::Arc;

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

/// Clients of Mautic ask for this header and go by it; it says whose version of the API this is.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("mautic-version"), HeaderValue::from_static("5.1.0"));

/// The site for clients.
pub(super) struct Clients {
    pub(super) service: Arc<Service>,
    pub(super) bodies: BodyLimits,
    pub(super) shares: Shares,
}

impl Clients {
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
        let query = head.uri.query().map(str::to_owned);
        match route {
            Route::Bulk(operation) => {
                let key = bulk::idempotency_key(&head.headers)?;
                let body = body::receive(&head.headers, body, &self.bodies).await?;
                blocking(move || bulk::submit(&service, &tenant, operation, body, key)).await
            }
            Route::Batch(operation) => {
                let share = self.shares.take(tenant.id).await?;
                let body = body::receive(&head.headers, body, &self.bodies).await?;
                blocking(move || held(share, batch::apply(&service, &tenant, operation, body))).await
            }
            Route::Single(operation, id) => {
                let share = self.shares.take(tenant.id).await?;
                let body = body::receive(&head.headers, body, &self.bodies).await?;
                blocking(move || held(share, single::apply(&service, &tenant, operation, id, body))).await
            }
            Route::ReadJob(id) => {
                blocking(move || job::read(&service, &tenant, id, &job::Query::parse(query.as_deref()))).await
            }
            Route::DeleteJob(id) => blocking(move || job::delete(&service, &tenant, id)).await,
            Route::ListContacts => {
                let share = self.shares.take(tenant.id).await?;
                blocking(move || held(share, contacts::list(&service, &tenant, query.as_deref()))).await
            }
            Route::ReadContact(id) => {
                let share = self.shares.take(tenant.id).await?;
                blocking(move || held(share, contacts::read(&service, &tenant, id))).await
            }
            Route::DeleteContact(id) => {
                let share = self.shares.take(tenant.id).await?;
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
        let limits = BodyLimits { bytes: TOKEN_BODY.min(self.bodies.bytes), ..self.bodies.clone() };
        let body = body::receive(&head.headers, body, &limits).await?;
        let service = Arc::clone(&self.service);
        blocking(move || token::issue(&service, &head.headers, body)).await
    }

    async fn authenticate(&self, request: &Request<Incoming>) -> Result<Tenant, Problem> {
        let credentials = Credentials::from_headers(request.headers())?;
        let service = Arc::clone(&self.service);
        blocking(move || match service.authenticate(credentials.client_id(), credentials.secret())? {
            Known::Tenant(tenant) => Ok(tenant),
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
