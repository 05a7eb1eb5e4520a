//! One attempt to deliver a message: a `POST` over a connection of its own.
//!
//! The connection is made to an address that was checked, without a proxy, and no redirect is followed. What the endpoint
//! answers is bounded in time and bytes.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::Host;

use super::{EndpointUrl, SigningSecret, WebhookNetworks};
use crate::harmless_text::is_unprintable;

/// Time of an attempt as a whole.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// Time to find the addresses of a name, and again to connect to each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for the part of an answer's body that is shown.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);
/// Addresses of a name that are tried.
const MAX_ADDRESSES: usize = 4;
/// Bytes of an answer that are read.
const MAX_READ_BYTES: usize = 1 << 10;
/// Bytes of an answer that the tenant is shown.
const MAX_SHOWN_BYTES: usize = 200;
/// Bytes of an answer's head.
const MAX_HEAD_BYTES: usize = 16 << 10;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("Bulkhead/", env!("CARGO_PKG_VERSION")));

/// A message to an endpoint.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where it is sent to.
    pub url: EndpointUrl,
    /// The id, which is the same in each attempt.
    pub id: String,
    /// The body: JSON.
    pub body: String,
    /// The secrets by which it is signed: the endpoint's, and while that is being replaced, the one before it.
    pub secrets: Vec<SigningSecret>,
}

/// What came of an attempt that got an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The answer's status.
    pub status: u16,
    /// What the endpoint asked for by `Retry-After`, in seconds.
    pub retry_after: Option<Duration>,
    /// The beginning of the answer's body.
    pub shown: String,
}

/// Why an attempt got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The name of the host has no address.
    #[error("no address of the host can be found")]
    NoAddress,
    /// Every address of the host is one that messages are not sent to.
    #[error(
        "messages are not sent to the host's addresses: they are private or special, or the URL has no https. An operator can allow their network by --webhook-allow"
    )]
    Refused,
    /// No connection could be made.
    #[error("no connection could be made: {0}")]
    Connect(String),
    /// TLS failed.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The answer is no HTTP, or the connection ended.
    #[error("there was no answer in HTTP")]
    Http,
    /// There was no answer in time.
    #[error("there was no answer within 20 seconds")]
    TimedOut,
}

/// The addresses of a name, once they are found.
type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
/// Looks up the addresses of a name and a port, and holds something until that has ended.
type LookUp = Arc<dyn Fn(String, u16, Held) -> Found + Send + Sync>;

/// What is held until the name of a host has been looked up. The system's resolver cannot be interrupted, so it can go on when the
/// attempt is over.
pub type Held = Box<dyn Send>;

/// Sends messages.
#[derive(Clone)]
pub struct MessageSender {
    networks: WebhookNetworks,
    look_up: LookUp,
    tls: TlsConnector,
}

impl MessageSender {
    /// Makes a sender that connects to the public Internet and to `networks`. It trusts the certificate authorities that this
    /// machine trusts.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new(networks: WebhookNetworks) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = versions?.with_root_certificates(roots).with_no_client_auth();
        let look_up: LookUp = Arc::new(|name, port, held| {
            let resolve = move || {
                let _held = held;
                Ok((name.as_str(), port).to_socket_addrs()?.collect())
            };
            Box::pin(async { spawn_blocking(resolve).await? })
        });
        Ok(Self { networks, look_up, tls: TlsConnector::from(Arc::new(config)) })
    }

    /// Sends a message once. `timestamp` is the time of this attempt, in seconds since 1970. `held` is held until the name of the
    /// host has been looked up, which can be later than this returns. A look-up takes a thread of tokio's blocking pool.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send(&self, message: &Message, timestamp: i64, held: Held) -> Result<Attempt, AttemptError> {
        timeout(ATTEMPT_TIMEOUT, self.send_in_time(message, timestamp, held))
            .await
            .unwrap_or(Err(AttemptError::TimedOut))
    }

    async fn send_in_time(&self, message: &Message, timestamp: i64, held: Held) -> Result<Attempt, AttemptError> {
        let stream = self.connect(&message.url, held).await?;
        // Messages are small, and nothing follows.
        drop(stream.set_nodelay(true));
        if !message.url.is_tls() {
            return exchange(stream, message, timestamp).await;
        }
        let name = server_name(&message.url)?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| AttemptError::Tls(error.to_string()))?;
        exchange(stream, message, timestamp).await
    }

    /// Connects to an address of the host that is allowed.
    async fn connect(&self, url: &EndpointUrl, held: Held) -> Result<TcpStream, AttemptError> {
        let addresses = self.addresses(url, held).await?;
        if addresses.is_empty() {
            return Err(AttemptError::NoAddress);
        }
        let mut failed = AttemptError::Refused;
        let allowed = addresses.into_iter().filter(|address| self.networks.allow(address.ip(), url.is_tls()));
        for address in allowed.take(MAX_ADDRESSES) {
            match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failed = AttemptError::Connect(crate::plain_words::io_error(&error)),
                Err(_) => failed = AttemptError::Connect(String::from("it does not answer in time")),
            }
        }
        Err(failed)
    }

    /// Returns the addresses of the host. A name is looked up once.
    async fn addresses(&self, url: &EndpointUrl, held: Held) -> Result<Vec<SocketAddr>, AttemptError> {
        let of = |address: IpAddr| vec![SocketAddr::new(address, url.port())];
        match url.host().ok_or(AttemptError::NoAddress)? {
            Host::Ipv4(address) => Ok(of(address.into())),
            Host::Ipv6(address) => Ok(of(address.into())),
            Host::Domain(name) => {
                match timeout(CONNECT_TIMEOUT, (self.look_up)(name.to_owned(), url.port(), held)).await {
                    Ok(Ok(found)) => Ok(found),
                    Ok(Err(_)) | Err(_) => Err(AttemptError::NoAddress),
                }
            }
        }
    }
}

fn server_name(url: &EndpointUrl) -> Result<ServerName<'static>, AttemptError> {
    match url.host().ok_or(AttemptError::NoAddress)? {
        Host::Ipv4(address) => Ok(ServerName::IpAddress(IpAddr::from(address).into())),
        Host::Ipv6(address) => Ok(ServerName::IpAddress(IpAddr::from(address).into())),
        Host::Domain(name) => ServerName::try_from(name.to_owned())
            .map_err(|_| AttemptError::Tls(String::from("the host has no such name"))),
    }
}

/// Sends a message over a connection, and reads the answer.
async fn exchange<S>(stream: S, message: &Message, timestamp: i64) -> Result<Attempt, AttemptError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(TokioIo::new(stream)).await;
    let (mut requests, connection) = handshake.map_err(|_| AttemptError::Http)?;
    let request = request(message, timestamp)?;
    let answered = async {
        let response = requests.send_request(request).await.map_err(|_| AttemptError::Http)?;
        Ok(read(response).await)
    };
    // The connection ends with this attempt, also when its time is over.
    tokio::pin!(connection);
    tokio::pin!(answered);
    tokio::select! {
        biased;
        attempt = &mut answered => attempt,
        ended = &mut connection => match ended {
            // What was read of the answer is still to be taken.
            Ok(()) => answered.await,
            Err(_) => Err(AttemptError::Http),
        },
    }
}

fn request(message: &Message, timestamp: i64) -> Result<Request<Full<Bytes>>, AttemptError> {
    let signatures: Vec<String> =
        message.secrets.iter().map(|secret| secret.sign(&message.id, timestamp, &message.body)).collect();
    Request::post(message.url.target())
        .header(HOST, message.url.authority())
        .header(USER_AGENT, AGENT)
        .header(CONTENT_TYPE, "application/json")
        .header(CONNECTION, "close")
        .header("webhook-id", &message.id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signatures.join(" "))
        .body(Full::new(Bytes::from(message.body.clone())))
        .map_err(|_| AttemptError::Http)
}

/// Reads an answer, as far as it is shown. An answer whose body does not come, or comes drop by drop, is an answer all the same.
async fn read(response: Response<Incoming>) -> Attempt {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let (mut body, mut bytes, deadline) = (response.into_body(), Vec::new(), Instant::now() + BODY_TIMEOUT);
    while bytes.len() < MAX_READ_BYTES
        && let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await
    {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(data.get(..data.len().min(MAX_READ_BYTES)).unwrap_or_default());
        }
    }
    bytes.truncate(MAX_SHOWN_BYTES);
    let shown =
        String::from_utf8_lossy(&bytes).chars().filter(|letter| *letter != '\t' && !is_unprintable(*letter)).collect();
    Attempt { status, retry_after: retry_after.map(Duration::from_secs), shown }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::{Attempt, AttemptError, BODY_TIMEOUT, LookUp, Message, MessageSender};
    use crate::webhooks::{EndpointUrl, WebhookNetworks};

    /// A name server that answers otherwise each time, as one does that wants a server to connect to an address that was not
    /// checked. The system's resolver asks at port 53 alone, so a test cannot have it ask such a server.
    fn rebinding(answers: Vec<Vec<SocketAddr>>) -> (LookUp, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let look_up: LookUp = Arc::new(move |_, _, _| {
            let answer = answers.get(count.fetch_add(1, Ordering::SeqCst)).cloned();
            Box::pin(async move { answer.ok_or_else(|| io::Error::other("asked too often")) })
        });
        (look_up, asked)
    }

    /// Answers one request for each time that it is accepted from, with its own address.
    async fn listen(address: &str) -> (SocketAddr, Arc<AtomicUsize>) {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let (address, accepted) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let mut bytes = [0; 4_096];
                drop(stream.read(&mut bytes).await);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await);
            }
        });
        (address, accepted)
    }

    #[tokio::test]
    async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
        let (allowed, at_allowed) = listen("127.0.0.1").await;
        let (refused, at_refused) = listen("127.0.0.2").await;
        let (look_up, asked) =
            rebinding(vec![vec![allowed], vec![refused], vec![refused, allowed], vec![], vec![allowed]]);
        let networks = WebhookNetworks::new(vec!["127.0.0.1/32".parse().unwrap()]);
        let sender = MessageSender { look_up, ..MessageSender::new(networks).unwrap() };
        let url = EndpointUrl::parse(&format!("http://hooks.example:{}/", allowed.port())).unwrap();
        let message = Message { url, id: String::from("msg_1"), body: String::from("{}"), secrets: Vec::new() };
        let taken = |attempt: Result<Attempt, AttemptError>| attempt.map(|attempt| attempt.status);
        for (number, is_taken, is_refused) in
            [(1, true, false), (2, false, true), (3, true, false), (4, false, false), (5, true, false)]
        {
            let came = taken(sender.send(&message, 0, Box::new(())).await);
            assert_eq!(asked.load(Ordering::SeqCst), number, "one look-up for each attempt");
            assert_eq!(matches!(came, Ok(200)), is_taken, "{number}: {came:?}");
            assert_eq!(matches!(came, Err(AttemptError::Refused)), is_refused, "{number}: {came:?}");
        }
        assert_eq!((at_allowed.load(Ordering::SeqCst), at_refused.load(Ordering::SeqCst)), (3, 0));
    }

    #[tokio::test]
    async fn an_answer_whose_body_drips_is_an_answer() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(BODY_TIMEOUT / 5).await;
            }
        });
        let networks = WebhookNetworks::new(vec!["127.0.0.1/32".parse().unwrap()]);
        let url = EndpointUrl::parse(&format!("http://127.0.0.1:{port}/")).unwrap();
        let message = Message { url, id: String::from("msg_1"), body: String::from("{}"), secrets: Vec::new() };
        let attempt = MessageSender::new(networks).unwrap().send(&message, 0, Box::new(())).await.unwrap();
        assert_eq!(attempt.status, 200);
    }
}
