//! TLS of a listener: its certificate, which can be replaced while it serves, and the beginning of connections.

use std::io::{self, IoSlice, Read as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::RwLock;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::{Error as RustlsError, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate_validity::{CertificateValidity, is_of_authority};
use super::client_address::ClientAddress;
use super::handshakes::Handshakes;
use crate::plain_words::io_error;
use crate::private_files::open_ordinary;

/// Bytes of a file with certificates or a key at most.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Certificates of a chain at most.
const MAX_CERTIFICATES: usize = 10;
/// The first byte of a client that speaks TLS: a record of a handshake.
const HANDSHAKE_RECORD: u8 = 0x16;

/// What is said of a chain that has something else than certificates.
const DAMAGED: &str = "one of the certificates in this file is damaged";

/// Why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The end of a sentence.
        why: String,
    },
    /// The key is another certificate's.
    #[error("the key in {} is not that of the certificate in {}", key.display(), certificate.display())]
    OtherKey {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
    },
    /// The library refuses the pair.
    #[error("{}: this certificate cannot be used: {why}", certificate.display())]
    Unusable {
        /// The file with the certificate.
        certificate: PathBuf,
        /// What the library says.
        why: String,
    },
}

/// A certificate with its key, from two files in PEM. Listeners share it; connections that begin after [`Self::reload`] get the new
/// one.
pub struct TlsIdentity {
    certificate: PathBuf,
    key: PathBuf,
    loaded: RwLock<Loaded>,
}

/// What was read last.
#[derive(Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    validity: CertificateValidity,
    is_of_authority: bool,
}

/// Leaves out the key.
impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl TlsIdentity {
    /// Reads a certificate, with those of the authorities between it and a root behind it, and its key.
    ///
    /// # Errors
    /// If a file cannot be read, has none or more than 1 MiB, or the key is another certificate's.
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let loaded = RwLock::new(load(&certificate, &key)?);
        Ok(Self { certificate, key, loaded })
    }

    /// Reads both files again.
    ///
    /// # Errors
    /// As [`Self::load`]; then the certificate stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = load(&self.certificate, &self.key)?;
        *self.loaded.write() = loaded;
        Ok(())
    }

    /// Returns the file with the certificate.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// Returns from when to when the certificate is valid, without those of authorities.
    pub fn validity(&self) -> CertificateValidity {
        self.loaded.read().validity
    }

    /// Returns whether the certificate is that of an authority (`CA:TRUE`), which many clients refuse as a server's.
    pub fn is_of_authority(&self) -> bool {
        self.loaded.read().is_of_authority
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Loaded, TlsError> {
    let refused = |path: &Path, why: &str| TlsError::File { path: path.to_owned(), why: why.to_owned() };
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| refused(certificate, "this is not PEM"))?;
    let Some(own) = chain.first() else {
        return Err(refused(certificate, "there is no certificate in PEM in this file"));
    };
    if chain.len() > MAX_CERTIFICATES {
        return Err(refused(
            certificate,
            "there are more than ten certificates in this file; clients take no such chain",
        ));
    }
    // The library looks at the first one alone, and clients at all.
    if chain.iter().any(|one| ParsedCertificate::try_from(one).is_err()) {
        return Err(refused(certificate, DAMAGED));
    }
    let validity = CertificateValidity::of(own).ok_or_else(|| refused(certificate, DAMAGED))?;
    let is_of_authority = is_of_authority(own);
    let private_key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| match error {
        PemError::NoItemsFound => refused(key, "there is no private key in PEM in this file, or it has a password"),
        _ => refused(key, "this is not PEM"),
    })?;
    let unusable = |error: RustlsError| match error {
        RustlsError::InconsistentKeys(_) => {
            TlsError::OtherKey { certificate: certificate.to_owned(), key: key.to_owned() }
        }
        error => TlsError::Unusable { certificate: certificate.to_owned(), why: error.to_string() },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(unusable)?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, private_key).map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), validity, is_of_authority })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |error: io::Error| TlsError::File { path: path.to_owned(), why: io_error(&error) };
    let mut bytes = Vec::new();
    open_ordinary(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(TlsError::File { path: path.to_owned(), why: String::from("the file has more than 1 MiB") });
    }
    Ok(bytes)
}

/// Why a connection does not begin.
#[derive(Debug)]
pub(super) enum HandshakeFailure {
    /// The client speaks no TLS. Nothing was read.
    NotTls(TcpStream),
    /// The handshake failed, or the connection ended.
    Ended(io::Error),
}

/// How a listener speaks TLS.
#[derive(Debug)]
pub(super) struct ListenerTls {
    identity: Arc<TlsIdentity>,
    handshakes: Handshakes,
}

impl ListenerTls {
    /// Prepares for the handshakes of a listener.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub(super) fn new(identity: Arc<TlsIdentity>) -> io::Result<Self> {
        Ok(Self { identity, handshakes: Handshakes::start()? })
    }
}

/// Begins a connection of a client, which is `None` if it is a trusted proxy, with TLS if the listener speaks it. There is no time
/// limit: the caller has one for each connection.
///
/// # Errors
/// If the client does not speak TLS as it should.
pub(super) async fn begin(
    stream: TcpStream,
    client: Option<ClientAddress>,
    tls: Option<&ListenerTls>,
) -> Result<ListenerStream, HandshakeFailure> {
    let Some(ListenerTls { identity, handshakes }) = tls else { return Ok(ListenerStream::Plain(stream)) };
    let mut first = [0];
    let bytes = stream.peek(&mut first).await.map_err(HandshakeFailure::Ended)?;
    if bytes > 0 && first != [HANDSHAKE_RECORD] {
        return Err(HandshakeFailure::NotTls(stream));
    }
    let config = Arc::clone(&identity.loaded.read().config);
    let accepted = handshakes.compute(client, TlsAcceptor::from(config).accept(stream)).await;
    let accepted = accepted.unwrap_or_else(|| Err(io::Error::other("the handshake panicked")));
    Ok(ListenerStream::Tls(Box::new(accepted.map_err(HandshakeFailure::Ended)?)))
}

/// A connection of a listener.
#[derive(Debug)]
pub(super) enum ListenerStream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS. The box keeps connections without it small.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for ListenerStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for ListenerStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
