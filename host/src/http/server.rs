//! Accepts connections, routes requests to an API, and shuts down without cutting requests off.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::admin_api::AdminApi;
use super::body::BodySettings;
use super::client_api::ClientApi;
use super::health::Health;
use super::paced_stream::PacedStream;
use super::problem::Problem;
use super::reply::Reply;
use crate::jobs::Service;
use crate::operations::Operations;
use crate::tenants::Secret;

/// Header fields that a request may have.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's head, and of hyper's buffer for a body.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// How long a shutdown waits for requests that are being answered.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after `accept` failed, which it does when the process has no file descriptors left.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// The limits of a listener's connections.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// Connections that are served at a time; further ones wait in the system's queue.
    pub max_connections: usize,
    /// Time for the head of a request to arrive.
    pub header_timeout: Duration,
    /// Time for which a client may take nothing of an answer.
    pub write_timeout: Duration,
    /// Bytes per second at which a client must take an answer.
    pub min_answer_bytes_per_second: u64,
}

/// What a listener serves.
pub struct Api(Handler);

enum Handler {
    Client(ClientApi),
    Admin(AdminApi),
}

impl Api {
    /// Creates the API for tenants' clients.
    ///
    /// `answer_memory_bytes` are for the large answers that wait until clients take them.
    pub fn client(service: Arc<Service>, bodies: BodySettings, answer_memory_bytes: usize) -> Self {
        Self(Handler::Client(ClientApi::new(service, bodies, answer_memory_bytes)))
    }

    /// Creates the API for operators, who authenticate with `token`.
    pub fn admin(operations: Operations, token: &Secret, bodies: BodySettings) -> Self {
        Self(Handler::Admin(AdminApi::new(operations, token, bodies)))
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        match &self.0 {
            Handler::Client(api) => Ok(api.answer(request).await),
            Handler::Admin(api) => api.answer(request).await,
        }
    }
}

/// A listener and the API that it serves.
pub struct Server {
    listener: TcpListener,
    router: Arc<Router>,
    settings: HttpSettings,
}

/// Answers the requests of one listener.
struct Router {
    api: Api,
    health: Arc<Health>,
    /// Whether new requests are turned away.
    is_closing: AtomicBool,
}

impl Server {
    /// Listens on `address`; with port 0 the system chooses a port.
    ///
    /// # Errors
    /// If the address is not available.
    pub async fn bind(address: SocketAddr, api: Api, health: Arc<Health>, settings: HttpSettings) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let router = Router { api, health, is_closing: AtomicBool::new(false) };
        Ok(Self { listener, router: Arc::new(router), settings })
    }

    /// Returns the address that the server listens on.
    ///
    /// # Errors
    /// If the system does not report it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` is ready; then finishes the requests that were begun, for at most five seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let connections = Arc::new(Semaphore::new(self.settings.max_connections));
        let graceful = GracefulShutdown::new();
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.header_timeout)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD_BYTES);
        let accept = async {
            loop {
                let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { break };
                let stream = match self.listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        tracing::warn!(event = "connection_not_accepted", %error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                        continue;
                    }
                };
                // Answers are small and written in one piece, so that waiting to fill a packet would only delay them.
                drop(stream.set_nodelay(true));
                let HttpSettings { min_answer_bytes_per_second, write_timeout, .. } = self.settings;
                let stream = PacedStream::new(stream, min_answer_bytes_per_second, write_timeout);
                let router = Arc::clone(&self.router);
                let service = service_fn(move |request| {
                    let router = Arc::clone(&router);
                    async move { Ok::<_, Infallible>(router.answer(request).await) }
                });
                let connection = graceful.watch(protocol.serve_connection(TokioIo::new(stream), service));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(event = "connection_ended_early", %error, "a connection ended early");
                    }
                    drop(permit);
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = shutdown => {}
        }
        self.router.is_closing.store(true, Ordering::Release);
        drop(self.listener);
        tracing::info!(event = "drain_started", "no new requests are accepted; requests in progress are finished");
        if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
            tracing::warn!(
                event = "drain_timed_out",
                "requests were still in progress when the time to drain was over"
            );
        }
    }
}

impl Router {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Reply {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let reply = self.route(request).await.unwrap_or_else(Problem::into_reply);
        tracing::debug!(event = "request_answered", %method, path, status = reply.status().as_u16(), "answered");
        reply
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        // Health checks need no credentials: they reveal nothing about tenants.
        if let Some(reply) = self.health.answer(request.uri().path()).await {
            return Ok(reply);
        }
        if self.is_closing.load(Ordering::Acquire) {
            return Err(Problem::shutting_down());
        }
        self.api.answer(request).await
    }
}
