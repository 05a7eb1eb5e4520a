//! Connections in, requests to their handlers, and a shutdown that finishes what was begun.

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
use tokio_io_timeout::TimeoutStream;

use super::admin::Operators;
use super::body::BodyLimits;
use super::clients::Clients;
use super::health::Health;
use super::problem::Problem;
use super::reply::Reply;
use crate::jobs::Service;
use crate::operations::Operations;
use crate::tenants::Secret;

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
    /// Time in which a client must take at least something of an answer.
    pub write_time: Duration,
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

/// For whom a server answers.
pub enum Audience {
    /// Tenants' clients.
    Clients(Arc<Service>),
    /// Operators who know this token.
    Operators(Box<Operations>, Secret),
}

enum Site {
    Clients(Clients),
    Operators(Operators),
}

struct Handler {
    site: Site,
    health: Arc<Health>,
    /// Requests that come from now on are turned away.
    closing: AtomicBool,
}

impl Server {
    /// Listens on `address`; port 0 lets the system choose.
    ///
    /// # Errors
    /// If the address cannot be had.
    pub async fn bind(
        address: SocketAddr,
        audience: Audience,
        health: Arc<Health>,
        settings: HttpSettings,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let bodies = BodyLimits::new(settings.body_bytes, settings.body_time, settings.body_budget);
        let site = match audience {
            Audience::Clients(service) => {
                let shares = BodyLimits::shares(settings.body_bytes, settings.body_budget);
                Site::Clients(Clients::new(service, bodies, shares))
            }
            Audience::Operators(operations, token) => Site::Operators(Operators::new(*operations, &token, bodies)),
        };
        let handler = Handler { site, health, closing: AtomicBool::new(false) };
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
                        tracing::warn!(event = "connection_not_accepted", %error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_BACK_OFF).await;
                        continue;
                    }
                };
                // Answers are small and written whole; waiting to fill a packet would only delay them.
                drop(stream.set_nodelay(true));
                let mut stream = TimeoutStream::new(stream);
                stream.set_write_timeout(Some(self.settings.write_time));
                let handler = Arc::clone(&self.handler);
                let service = service_fn(move |request| {
                    let handler = Arc::clone(&handler);
                    async move { Ok::<_, Infallible>(handler.answer(request).await) }
                });
                let connection = graceful.watch(protocol.serve_connection(TokioIo::new(Box::pin(stream)), service));
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
        self.handler.closing.store(true, Ordering::Release);
        drop(self.listener);
        tracing::info!(event = "drain_started", "no more requests are taken; those that were begun are finished");
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!(event = "drain_timed_out", "some requests were not finished in time");
        }
    }
}

impl Handler {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Reply {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let reply = self.route(request).await.unwrap_or_else(Problem::into_reply);
        tracing::debug!(event = "request_answered", %method, path, status = reply.status().as_u16(), "answered");
        reply
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        // A probe has no credentials, and needs none: it learns nothing about anybody.
        if let Some(reply) = self.health.answer(request.uri().path()).await {
            return Ok(reply);
        }
        if self.closing.load(Ordering::Acquire) {
            return Err(Problem::shutting_down());
        }
        match &self.site {
            Site::Clients(clients) => Ok(clients.answer(request).await),
            Site::Operators(operators) => operators.answer(request).await,
        }
    }
}
