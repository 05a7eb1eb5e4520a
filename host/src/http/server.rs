//! Connections in, requests to their handlers, and a shutdown that finishes what was begun.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::body::{self, BodyLimits};
use super::credentials::Credentials;
use super::problem::Problem;
use super::reply::Reply;
use super::route::Route;
use super::{batch, bulk, contacts, job, single, token};
use crate::jobs::Service;
use crate::store::{Known, Tenant};

/// Where tokens are issued.
const TOKEN_PATH: &str = "/oauth/v2/token";
/// Bytes of a request for a token.
const TOKEN_BODY: usize = 16 << 10;
/// Header fields of a request.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's head, and of hyper's buffer for a body.
const HEAD_BYTES: usize = 64 << 10;
/// How long a shutdown waits for requests that are being answered.
const DRAIN: Duration = Duration::from_secs(5);
/// How long to leave `accept` alone after it failed, which it does when file descriptors run out.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(50);

/// What an operator sets.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// Time for the head of a request to arrive.
    pub header_time: Duration,
    /// Time for a body to arrive.
    pub body_time: Duration,
    /// Bytes of a body, also after inflating.
    pub body_bytes: usize,
    /// Bytes of all bodies that are being read or split.
    pub body_budget: usize,
}

/// A listening server.
pub struct Server {
    listener: TcpListener,
    handler: Arc<Handler>,
    settings: HttpSettings,
}

struct Handler {
    service: Arc<Service>,
    bodies: BodyLimits,
    /// Requests that come from now on are turned away.
    closing: AtomicBool,
}

impl Server {
    /// Listens on `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn bind(address: SocketAddr, service: Arc<Service>, settings: HttpSettings) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let bodies = BodyLimits::new(settings.body_bytes, settings.body_time, settings.body_budget);
        let handler = Handler { service, bodies, closing: AtomicBool::new(false) };
        Ok(Self { listener, handler: Arc::new(handler), settings })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` is ready; then finishes what was begun, for at most five seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(self.settings.connections));
        let graceful = GracefulShutdown::new();
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.header_time)
            .max_headers(MAX_HEADERS)
            .max_buf_size(HEAD_BYTES);
        let accept = async {
            loop {
                let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { break };
                let stream = match self.listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_BACK_OFF).await;
                        continue;
                    }
                };
                // Answers are small and written whole; waiting to fill a packet would only delay them.
                drop(stream.set_nodelay(true));
                let handler = Arc::clone(&self.handler);
                let service = service_fn(move |request| {
                    let handler = Arc::clone(&handler);
                    async move { Ok::<_, Infallible>(handler.answer(request).await) }
                });
                let connection = graceful.watch(protocol.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection ended early");
                    }
                    drop(permit);
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = shutdown => {}
        }
        self.handler.closing.store(true, Ordering::Release);
        drop(self.listener);
        tracing::info!("no more requests are taken; those that were begun are finished");
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests were not finished in time");
        }
    }
}

impl Handler {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Reply {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let reply = self.route(request).await.unwrap_or_else(Problem::into_reply);
        tracing::debug!(%method, path, status = reply.status().as_u16(), "answered");
        reply
    }

    async fn route(self: Arc<Self>, request: Request<Incoming>) -> Result<Reply, Problem> {
        if self.closing.load(Ordering::Acquire) {
            return Err(Problem::shutting_down());
        }
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
                let body = body::receive(&head.headers, body, &self.bodies).await?;
                blocking(move || batch::apply(&service, &tenant, operation, body)).await
            }
            Route::Single(operation, id) => {
                let body = body::receive(&head.headers, body, &self.bodies).await?;
                blocking(move || single::apply(&service, &tenant, operation, id, body)).await
            }
            Route::ReadJob(id) => {
                blocking(move || job::read(&service, &tenant, id, &job::Query::parse(query.as_deref()))).await
            }
            Route::DeleteJob(id) => blocking(move || job::delete(&service, &tenant, id)).await,
            Route::ListContacts => blocking(move || contacts::list(&service, &tenant, query.as_deref())).await,
            Route::ReadContact(id) => blocking(move || contacts::read(&service, &tenant, id)).await,
            Route::DeleteContact(id) => blocking(move || contacts::delete(&service, &tenant, id)).await,
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

/// Clients behind proxies that know only GET and POST send the method they mean in a header, as Mautic allows.
fn overridden(method: &Method, headers: &hyper::HeaderMap) -> Method {
    let meant = headers.get("x-http-method-override").and_then(|value| Method::from_bytes(value.as_bytes()).ok());
    match meant {
        Some(meant) if method == Method::POST => meant,
        _ => method.clone(),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Problem::panicked(&error)),
    }
}
