//! Accepts connections, routes requests to an API, and shuts down without cutting requests off.

mod answer_body;
mod api;

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::MissedTickBehavior;

use self::answer_body::AnswerBody;
pub use self::api::Api;
use self::api::BegunAnswer;
use super::access_log::{AccessLog, Answered};
use super::authority::check_authority;
use super::client_address::ClientAddress;
use super::connections::{Admitted, Connection, ConnectionLimits, Connections, CountedRequest, Refusal};
use super::cors::{AllowedOrigins, CorsAnswer};
use super::guarded_stream::GuardedStream;
use super::head_scanner::{MAX_HEAD_BYTES, MAX_HEADERS};
use super::health::{Audience, Health};
use super::known_method::known_method;
use super::lingering::linger;
use super::paced_stream::PacedStream;
use super::problem::Problem;
use super::problem_details;
use super::reply::Reply;
use super::request_id::RequestId;
use super::route_template::UNKNOWN;
use super::sender::Sender;
use super::tls::{self, HandshakeFailure, ListenerTls, TlsIdentity};
use crate::domain::TraceParent;
use crate::metrics::{METRICS, RefusalReason};
use crate::traces::{AnsweredRequest, RequestTrace};

/// Connections that the system keeps until they are accepted; it may allow fewer.
const BACKLOG: u32 = 4_096;
/// How long a shutdown waits for requests that are being answered.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after `accept` failed, which it does when the process has no file descriptors left.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Time between two searches for connections that have waited too long for their clients.
const OVERDUE_INTERVAL: Duration = Duration::from_millis(250);
/// Refused connections at a time whose clients get time to take the refusal. They are beyond the limits, so they are few.
const MAX_REFUSED: usize = 16;
/// Time for the TLS handshake of a refused connection.
const REFUSED_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of a request that are read before its connection is closed at once, since the system sends no answer to a client
/// whose bytes nobody has read.
const REFUSED_BYTES: usize = 4 << 10;

/// The limits of a listener's connections.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// How many connections there may be, and how long they may wait for their clients.
    pub connections: ConnectionLimits,
    /// Time for which a client may take nothing of an answer.
    pub write_timeout: Duration,
    /// Bytes per second at which a client must take an answer.
    pub min_answer_bytes_per_second: u64,
    /// The origins whose pages may read answers.
    pub allowed_origins: AllowedOrigins,
    /// Whether each request gets a line in the log.
    pub access_log: bool,
    /// The certificate with which the listener speaks TLS; without one, it speaks none.
    pub tls: Option<Arc<TlsIdentity>>,
}

/// A listener and the API that it serves.
pub struct Server {
    listener: TcpListener,
    router: Arc<Router>,
    /// Places for refused connections whose clients still send.
    refused: Arc<Semaphore>,
    write_timeout: Duration,
    min_answer_bytes_per_second: u64,
    tls: Option<Arc<ListenerTls>>,
}

/// What each connection keeps until it has ended, so that a shutdown can wait for all of them.
type Running = mpsc::Sender<Infallible>;

/// Answers the requests of one listener.
struct Router {
    api: Api,
    health: Arc<Health>,
    connections: Arc<Connections>,
    allowed_origins: AllowedOrigins,
    log: AccessLog,
    /// Whether clients speak TLS to the listener itself.
    has_tls: bool,
    /// Whether new requests are turned away.
    is_closing: AtomicBool,
}

/// What completes the answer to a request, and what the log says of it.
struct RequestFacts {
    begun: Instant,
    has_body: bool,
    method: Method,
    path: String,
    peer: IpAddr,
    /// The client for whom a trusted proxy sends the request.
    client: Option<ClientAddress>,
    cors: CorsAnswer,
    request_id: RequestId,
    wants_details: bool,
    counted: Option<CountedRequest>,
    caller: Arc<OnceLock<String>>,
    is_dry_run: Arc<AtomicBool>,
    is_check: bool,
    is_secure: bool,
    /// The `Host`, for the request's span.
    host: Option<String>,
    trace: RequestTrace,
    connection: Arc<Connection>,
    _active: ActiveRequest,
}

/// A request that the metrics count as active until this is dropped.
struct ActiveRequest;

impl ActiveRequest {
    fn begin() -> Self {
        METRICS.http.active.inc();
        Self
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        METRICS.http.active.dec();
    }
}

impl Server {
    /// Listens on `address`; with port 0 the system chooses a port.
    ///
    /// # Errors
    /// If the address is not available, or the system gives no threads for TLS.
    pub fn bind(address: SocketAddr, api: Api, health: Arc<Health>, settings: HttpSettings) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let HttpSettings { connections, write_timeout, min_answer_bytes_per_second, allowed_origins, access_log, tls } =
            settings;
        let connections = Arc::new(Connections::new(connections));
        let log = AccessLog::new(api.name(), access_log);
        let (has_tls, is_closing) = (tls.is_some(), AtomicBool::new(false));
        let router = Router { api, health, connections, allowed_origins, log, has_tls, is_closing };
        let refused = Arc::new(Semaphore::new(MAX_REFUSED));
        let tls = tls.map(ListenerTls::new).transpose()?.map(Arc::new);
        Ok(Self { listener, router: Arc::new(router), refused, write_timeout, min_answer_bytes_per_second, tls })
    }

    /// Returns the address that the server listens on.
    ///
    /// # Errors
    /// If the system does not report it.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` is ready; then finishes the requests that were begun, and waits for clients that still send although
    /// they have their answers, for at most five seconds in all.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let (running, mut all_ended) = mpsc::channel(1);
        tokio::select! {
            () = self.accept(&graceful, &running) => {}
            () = shutdown => {}
        }
        self.router.is_closing.store(true, Ordering::Release);
        drop((self.listener, running));
        let end = tokio::time::Instant::now() + DRAIN_TIMEOUT;
        tracing::info!(event = "drain_started", "no new requests are accepted; requests in progress are finished");
        if tokio::time::timeout_at(end, graceful.shutdown()).await.is_err() {
            tracing::warn!(
                event = "drain_timed_out",
                "requests were still in progress when the time to drain was over"
            );
        }
        // All requests are answered. Whoever still sends then is cut off.
        drop(tokio::time::timeout_at(end, all_ended.recv()).await);
    }

    /// Accepts connections for ever.
    async fn accept(&self, graceful: &GracefulShutdown, running: &Running) {
        let mut protocol = http1::Builder::new();
        // The router closes connections whose heads do not arrive.
        protocol.timer(TokioTimer::new()).header_read_timeout(None);
        protocol.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
        // Clients in PHP look for the names of headers in this form.
        protocol.title_case_headers(true);
        let mut overdue = tokio::time::interval(OVERDUE_INTERVAL);
        overdue.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let accepted = tokio::select! {
                // Accepting without a pause must not keep connections from ending.
                biased;
                _ = overdue.tick() => {
                    self.router.connections.close_overdue(Instant::now());
                    continue;
                }
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => match self.router.connections.admit(peer.ip(), Instant::now()) {
                    Ok(admitted) => self.serve(&protocol, graceful, running, stream, peer.ip(), admitted),
                    Err(refusal) => self.refuse(stream, peer.ip(), refusal),
                },
                Err(error) => {
                    tracing::warn!(event = "connection_not_accepted", %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection on a task of its own.
    fn serve(
        &self,
        protocol: &http1::Builder,
        graceful: &GracefulShutdown,
        running: &Running,
        stream: TcpStream,
        peer: IpAddr,
        admitted: Admitted,
    ) {
        // Answers are small and written in one piece, so that waiting to fill a packet would only delay them.
        drop(stream.set_nodelay(true));
        let (rate, write_timeout, tls) = (self.min_answer_bytes_per_second, self.write_timeout, self.tls.clone());
        let connection = Arc::clone(&admitted.connection);
        let (watcher, protocol, running) = (graceful.watcher(), protocol.clone(), running.clone());
        let open = METRICS.http.connections(self.router.api.name());
        open.inc();
        let router = Arc::clone(&self.router);
        let service = service_fn(move |request| {
            connection.begin_request(Instant::now());
            let router = Arc::clone(&router);
            // Each is boxed, so that what it takes is given back: the first before the request waits, the second before the answer is
            // sent, which can be a stream for minutes.
            let begun = Box::pin(Arc::clone(&router).begin(request, peer, Arc::clone(&connection)));
            Box::pin(async move {
                let (begun, facts) = begun.await;
                let reply = router.api.finish(begun).await;
                Ok::<_, Infallible>(router.complete(reply, facts))
            })
        });
        tokio::spawn(async move {
            let _running = running;
            // Until a head has arrived, the connection is closed like one whose client sends none. Boxed, so that what a handshake
            // takes is given back.
            let begun = tokio::select! {
                begun = Box::pin(tls::begin(stream, admitted.connection.address(), tls.as_deref())) => Some(begun),
                () = admitted.connection.closing() => None,
            };
            let stream = match begun {
                Some(Ok(stream)) => stream,
                failed => {
                    open.dec();
                    if let Some(Err(failure)) = failed {
                        Box::pin(end_without_tls(failure, &admitted.connection)).await;
                    }
                    return;
                }
            };
            let stream = PacedStream::new(stream, rate, write_timeout);
            let stream = GuardedStream::new(stream, Arc::clone(&admitted.connection));
            let kept = stream.clone();
            // Boxed, because a future that awaits what it was given has room for it twice.
            let served = Box::pin(watcher.watch(protocol.serve_connection(TokioIo::new(stream), service)));
            let is_answered = tokio::select! {
                ended = served => match ended {
                    Ok(()) => true,
                    Err(error) => {
                        tracing::debug!(event = "connection_ended_early", %error, "a connection ended early");
                        kept.is_refused()
                    }
                },
                () = admitted.connection.closing() => false,
            };
            open.dec();
            if is_answered {
                tokio::select! {
                    () = Box::pin(kept.linger()) => {}
                    () = admitted.connection.closing() => {}
                }
            }
        });
    }

    /// Answers a connection that there is no room for, and gives its client time to take the answer, if not too many have that
    /// already. Otherwise answers as far as that is possible at once.
    fn refuse(&self, stream: TcpStream, peer: IpAddr, refusal: Refusal) {
        METRICS.http.refused(RefusalReason::Connections);
        let answer = Problem::from(refusal).into_bytes();
        let tls = self.tls.clone();
        let Ok(place) = Arc::clone(&self.refused).try_acquire_owned() else {
            // A client with TLS would have to be answered after a handshake.
            let (Ok(mut stream), None) = (stream.into_std(), tls) else { return };
            drop(stream.read(&mut [0; REFUSED_BYTES]));
            drop(stream.write(&answer));
            return;
        };
        tokio::spawn(async move {
            let _place = place;
            let begun = tls::begin(stream, Some(ClientAddress::of(peer)), tls.as_deref());
            let Ok(Ok(mut stream)) = tokio::time::timeout(REFUSED_HANDSHAKE_TIMEOUT, begun).await else { return };
            if stream.write_all(&answer).await.is_ok() {
                linger(stream, |_| false).await;
            }
        });
    }
}

/// Ends a connection that did not begin. A client that speaks HTTP without TLS is told so.
async fn end_without_tls(failure: HandshakeFailure, connection: &Connection) {
    match failure {
        HandshakeFailure::NotTls(mut stream) => {
            connection.begin_lingering(Instant::now());
            let ending = async {
                if stream.write_all(&Problem::without_tls().into_bytes()).await.is_ok() {
                    linger(stream, |_| false).await;
                }
            };
            tokio::select! {
                () = ending => {}
                () = connection.closing() => {}
            }
        }
        HandshakeFailure::Ended(error) => {
            tracing::debug!(event = "tls_handshake_failed", %error, "a connection ended before TLS was agreed on");
        }
    }
}

impl Router {
    /// Does a request's work, up to a wait. Returns also what completes the answer.
    async fn begin(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: IpAddr,
        connection: Arc<Connection>,
    ) -> (BegunAnswer, Box<RequestFacts>) {
        let (begun, proxies) = (Instant::now(), &self.connections.limits().trusted_proxies);
        let trace = self.api.trace(request.method(), request.headers());
        // Health checks need no credentials: they reveal nothing about tenants. Balancers name the server as they like.
        let health = self.health.answer(request.method(), request.uri().path(), self.api.audience()).await;
        let mut facts = Box::new(RequestFacts {
            begun,
            has_body: !request.body().is_end_stream(),
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            peer,
            client: proxies.forwarded_client(peer, request.headers()),
            cors: self.allowed_origins.check(&request),
            request_id: RequestId::of(request.headers()),
            wants_details: problem_details::are_accepted(request.headers()),
            counted: None,
            caller: Arc::default(),
            is_dry_run: Arc::default(),
            is_check: !matches!(health, Ok(None)),
            is_secure: (self.has_tls && !proxies.contain(peer)) || proxies.is_secure(peer, request.headers()),
            host: trace.has_span().then(|| request.headers().get(HOST)?.to_str().ok().map(str::to_owned)).flatten(),
            trace,
            connection,
            _active: ActiveRequest::begin(),
        });
        if let Some(reply) = health.transpose() {
            return (reply.into(), facts);
        }
        if let Some(client) = facts.client {
            facts.counted = self.connections.admit_request(client, Instant::now());
            if facts.counted.is_none() {
                return (Problem::too_many_connections().into(), facts);
            }
        }
        request.extensions_mut().insert(Sender {
            connection: Arc::clone(&facts.connection),
            client: facts.client.or(facts.connection.address()),
            is_secure: facts.is_secure,
            is_allowed_origin: facts.cors.is_allowed(),
            caller: Arc::clone(&facts.caller),
            is_dry_run: Arc::clone(&facts.is_dry_run),
            request_id: facts.request_id.clone(),
            trace: facts.trace.parent(),
        });
        if let Err(problem) = check_authority(&request) {
            let mut reply = problem.into_reply();
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return (Ok(reply).into(), facts);
        }
        (self.route(request, &facts.connection).await, facts)
    }

    /// Completes an answer, and logs it.
    fn complete(&self, mut reply: Reply, facts: Box<RequestFacts>) -> Response<AnswerBody> {
        let facts = *facts;
        // The connection ends with an answer that comes before the body, so the client must not send another request on it.
        let is_early = facts.has_body && !reply.status().is_success() && !facts.connection.has_whole_request();
        if is_early || facts.connection.is_reserved() {
            reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(reason) = problem_details::refusal(&reply) {
            METRICS.http.refused(reason);
        }
        let is_unauthorized = problem_details::is_unauthorized(&reply);
        if facts.wants_details {
            problem_details::rewrite(&mut reply, &facts.path, &facts.request_id);
        }
        facts.request_id.tell(reply.headers_mut());
        facts.cors.tell(&mut reply);
        let (template, status) = (self.api.template(&facts.method, &facts.path), reply.status().as_u16());
        let (method, trace) = (known_method(&facts.method), facts.trace.sampled_trace());
        METRICS.http.answered(method, template, status, facts.begun.elapsed(), trace);
        let answered = Answered {
            peer: facts.peer,
            client: facts.client,
            caller: facts.caller.get().map(String::as_str),
            method: &facts.method,
            path: &facts.path,
            status,
            request_id: facts.request_id.as_str(),
            trace: facts.trace.parent().map(TraceParent::trace),
            is_dry_run: facts.is_dry_run.load(Ordering::Relaxed),
            is_check: facts.is_check,
            is_unauthorized,
            time: facts.begun.elapsed(),
        };
        self.log.answered(&answered);
        facts.trace.end(|| AnsweredRequest {
            route: Some(template).filter(|template| *template != UNKNOWN),
            status,
            is_secure: facts.is_secure,
            host: facts.host.as_deref(),
            client: self.log.is_on().then(|| answered.client()),
            tenant: answered.caller.filter(|_| self.api.audience() == Audience::Strangers),
            listener: self.api.name(),
            request_id: answered.request_id,
        });
        reply.map(|body| AnswerBody::new(body, facts.connection, facts.counted))
    }

    async fn route(&self, mut request: Request<Incoming>, connection: &Connection) -> BegunAnswer {
        if self.is_closing.load(Ordering::Acquire) {
            return Problem::shutting_down().into();
        }
        if connection.is_reserved() {
            return Problem::all_connections_busy().into();
        }
        // The answer is that to a GET, of which hyper sends the head alone.
        if request.method() == Method::HEAD {
            *request.method_mut() = Method::GET;
        }
        self.api.begin(request).await
    }
}
