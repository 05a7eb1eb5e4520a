//! Connections to the server: how they are made, and what to do when they fail. No text is a library's.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bulkhead::authorities::{is_this_machine, trusted_authorities};
use bulkhead::plain_words::io_error;
use rustls::CertificateError;
use ureq::tls::TlsConfig;
use ureq::{Agent, Error, Timeout};

use super::error::SubmitError;
use super::server_url::ServerUrl;
use crate::cli::text_file::open_file;

/// Returns what sends requests to a server.
pub(super) fn agent(url: &ServerUrl) -> Agent {
    let settings = Agent::config_builder()
        .http_status_as_error(false)
        // A redirected POST would become another request.
        .max_redirects(0)
        .user_agent(concat!("bulkhead-submit/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_send_body(Some(Duration::from_secs(120)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .timeout_recv_body(Some(Duration::from_secs(60)));
    // A proxy does not know the addresses of this machine.
    let settings = if is_this_machine(url.host()) { settings.proxy(None) } else { settings };
    let settings = if url.is_tls {
        settings.tls_config(TlsConfig::builder().root_certs(trusted_authorities()).build())
    } else {
        settings
    };
    settings.build().into()
}

/// Says what is wrong with the file of authorities that `SSL_CERT_FILE` names, if anything is: without one, it counts for nothing.
fn authorities_flaw(file: &Path) -> Option<String> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    let name = file.display();
    let certificates = match open_file(file).map(CertificateDer::pem_reader_iter) {
        Ok(certificates) => certificates,
        Err(why) => return Some(format!("SSL_CERT_FILE names a file that cannot be used: {why}.")),
    };
    match certificates.collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => None,
        _ => Some(format!("SSL_CERT_FILE names {name}, and there is no certificate in PEM in that file.")),
    }
}

/// Returns whether a call that failed may succeed if it is repeated. `was_reached`: whether the server has answered before.
pub(super) fn is_transient(error: &Error, was_reached: bool) -> bool {
    match error {
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => was_reached,
        // A connection that does not carry HTTP will not do so later.
        Error::Io(error) => !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput),
        Error::Timeout(_) | Error::ConnectionFailed => true,
        _ => false,
    }
}

/// Says why a call failed, and what to do.
pub(super) fn failed(url: &ServerUrl, error: &Error, was_reached: bool) -> SubmitError {
    if let Error::Io(error) = error
        && error.kind() == ErrorKind::ConnectionRefused
    {
        return SubmitError::NoServer { url: url.to_string(), advice: url.advice_if_refused() };
    }
    SubmitError::Connection { url: url.to_string(), why: why(url, error, was_reached) }
}

/// Returns whether the server may have got the request of a call that failed.
pub(super) fn is_perhaps_sent(error: &Error) -> bool {
    use ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    match error {
        Error::Io(error) if matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable) => false,
        Error::Io(error) => error.get_ref().is_none_or(|inner| !inner.is::<rustls::Error>()),
        Error::Timeout(timeout) => !matches!(timeout, Timeout::Resolve | Timeout::Connect),
        _ => false,
    }
}

/// Says why a call failed, and what to do: the end of a sentence, and another one.
fn why(url: &ServerUrl, error: &Error, was_reached: bool) -> String {
    let other_scheme = url.with_other_scheme();
    let perhaps_tls = || {
        if url.is_tls || was_reached {
            "Check the port in --url, and what runs there.".to_owned()
        } else {
            format!("If TLS is spoken there, give --url {other_scheme}; else check the port.")
        }
    };
    match error {
        Error::HostNotFound => {
            format!("no address of '{}' can be found. Check the name in --url, and this machine's network.", url.host())
        }
        Error::Timeout(Timeout::Connect) => {
            "no connection was made in time. Check the port in --url, and whether a firewall is in between.".to_owned()
        }
        Error::Timeout(_) => "the server did not answer in time. Check the server and the network.".to_owned(),
        Error::ConnectionFailed => "no connection could be made. Check the server and the network.".to_owned(),
        Error::Rustls(error) => tls_why(url, error),
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => tls_why(url, error),
            None if is_ended(error) => format!("the other side ended it without an answer. {}", perhaps_tls()),
            None => format!("{}. Check the server and the network.", plain(error)),
        },
        Error::Protocol(_) | Error::Http(_) | Error::LargeResponseHeader(..) => {
            format!("what answers there does not speak HTTP. {}", perhaps_tls())
        }
        Error::Tls(_) => format!("no certificate can have the name '{}'. Check the name in --url.", url.host()),
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => {
            "the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY) makes no connection. Correct the variable, or name the server's host in NO_PROXY."
                .to_owned()
        }
        Error::BodyExceedsLimit(_) => "the answer is too large. Is it a Bulkhead server?".to_owned(),
        _ => "it could not be used. Check --url, the server and the network.".to_owned(),
    }
}

/// Returns whether the other side ended a connection.
fn is_ended(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// Says what an error of the system means, without what a library added to it.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::Other | ErrorKind::InvalidData | ErrorKind::InvalidInput => "the answer cannot be read".to_owned(),
        kind => io_error(&kind.into()),
    }
}

/// Says why no connection with TLS was made, and what to do.
fn tls_why(url: &ServerUrl, error: &rustls::Error) -> String {
    use CertificateError as Certificate;
    let host = url.host();
    let named = std::env::var_os("SSL_CERT_FILE").filter(|name| !name.is_empty()).map(PathBuf::from);
    let flaw = named.as_deref().and_then(authorities_flaw);
    match error {
        // An authority of the same name with another key signed it.
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer | Certificate::BadSignature) => {
            let advice = flaw.unwrap_or_else(|| match &named {
                Some(file) => format!("SSL_CERT_FILE names {}, whose certificates are others.", file.display()),
                None => String::from(
                    "If it is your own authority, name the file of its certificate in the environment variable SSL_CERT_FILE.",
                ),
            });
            format!("the certificate of '{host}' is of no authority that this machine trusts. {advice}")
        }
        rustls::Error::InvalidCertificate(Certificate::Other(other)) if is_authority(other) => format!(
            "the certificate of '{host}' is an authority's (CA:TRUE), and a server cannot have that. Make the server's own with basicConstraints=CA:FALSE, and name its file, or that of its authority, in the environment variable SSL_CERT_FILE."
        ),
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            format!("the certificate of '{host}' has expired. Have it renewed, and check this machine's clock.")
        }
        rustls::Error::InvalidCertificate(Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) => {
            format!("the certificate of '{host}' is not valid yet. Check this machine's clock.")
        }
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => {
            format!("the certificate there is not for '{host}'. Give the name that it is for with --url.")
        }
        rustls::Error::InvalidCertificate(Certificate::Revoked) => {
            format!("the certificate of '{host}' was revoked. Ask whoever runs the server.")
        }
        rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
            let advice = flaw.unwrap_or_else(|| {
                String::from(
                    "Ask whoever runs the server for one of an authority; if it is your own, name the file of its authority in the environment variable SSL_CERT_FILE.",
                )
            });
            format!("the certificate of '{host}' cannot be verified. {advice}")
        }
        rustls::Error::InvalidMessage(_) => format!(
            "no TLS is spoken there. Give --url {}, or the URL at which TLS is spoken.",
            url.with_other_scheme()
        ),
        _ => "the two sides have no version of TLS in common. Check that the proxy there speaks TLS 1.2 or 1.3."
            .to_owned(),
    }
}

/// Returns whether a certificate is refused because it is an authority's; the library has no other sign of that.
fn is_authority(error: &rustls::OtherError) -> bool {
    format!("{error:?}").contains("CaUsedAsEndEntity")
}

/// Returns whether an answer of a server with TLS means that it was asked without TLS.
pub(super) fn asks_for_tls(status: u16, body: &str) -> bool {
    let said = body.to_ascii_lowercase();
    // As nginx, Go and Apache say it.
    status == 400
        && ["sent to https port", "http request to an https server", "to an ssl-enabled server"]
            .iter()
            .any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use rustls::CertificateError::{BadEncoding, Expired, NotValidForName, Other, UnknownIssuer};
    use rustls::{AlertDescription, InvalidMessage, OtherError};
    use ureq::{Error, Timeout};

    use super::super::server_url::ServerUrl;
    use super::{asks_for_tls, failed, is_perhaps_sent};

    #[test]
    fn what_failed_is_said_in_plain_words_with_what_to_do() {
        let io = |kind: io::ErrorKind| Error::Io(io::Error::new(kind, "Peer disconnected"));
        let tls = |error: rustls::Error| Error::Io(io::Error::new(io::ErrorKind::InvalidData, error));
        let certificate = |error| tls(rustls::Error::InvalidCertificate(error));
        for (url, error, part) in [
            ("http://a:1", Error::Io(io::ErrorKind::ConnectionRefused.into()), "no server answers at http://a:1"),
            ("http://a", io(io::ErrorKind::ConnectionRefused), "port 80"),
            ("http://a", Error::HostNotFound, "no address of 'a'"),
            ("http://a", io(io::ErrorKind::UnexpectedEof), "give --url https://a"),
            ("http://a", io(io::ErrorKind::TimedOut), "it does not answer in time"),
            ("http://a", io(io::ErrorKind::InvalidData), "the answer cannot be read"),
            ("https://a", io(io::ErrorKind::ConnectionReset), "Check the port"),
            ("https://a", tls(InvalidMessage::InvalidContentType.into()), "Give --url http://a,"),
            ("https://a", tls(rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)), "TLS 1.2 or 1.3"),
            ("https://a", certificate(UnknownIssuer), "SSL_CERT_FILE"),
            ("https://a", certificate(Expired), "has expired"),
            ("https://a", certificate(BadEncoding), "SSL_CERT_FILE"),
            (
                "https://a",
                certificate(Other(OtherError(Arc::new(io::Error::other("CaUsedAsEndEntity"))))),
                "basicConstraints=CA:FALSE",
            ),
            ("https://a", certificate(NotValidForName), "not for 'a'"),
            ("https://a", Error::Tls("Rustls invalid dns name error"), "name 'a'"),
            ("http://a", Error::ConnectProxyFailed("x".to_owned()), "NO_PROXY"),
            ("http://a", Error::BodyStalled, "Check --url"),
        ] {
            let failed = failed(&ServerUrl::parse(url).unwrap(), &error, false);
            let said = failed.to_string();
            assert!(said.contains(part) && said.ends_with(['.', '?']), "{error:?}: {said}");
            for words in ["Peer", "ustls", "Invalid", "protocol:", "os error"] {
                assert!(!said.contains(words), "{error:?}: {said}");
            }
        }
    }

    #[test]
    fn a_request_is_perhaps_sent_once_there_is_a_connection() {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, UnexpectedEof};
        for (kind, expected) in [
            (UnexpectedEof, true),
            (ConnectionReset, true),
            (ConnectionRefused, false),
            (HostUnreachable, false),
            (NetworkUnreachable, false),
        ] {
            assert_eq!(is_perhaps_sent(&Error::Io(kind.into())), expected, "{kind}");
        }
        for error in [Error::HostNotFound, Error::ConnectionFailed, Error::Timeout(Timeout::Connect)] {
            assert!(!is_perhaps_sent(&error), "{error:?}");
        }
        assert!(is_perhaps_sent(&Error::Timeout(Timeout::RecvResponse)));
    }

    #[test]
    fn servers_with_tls_say_so_in_different_words() {
        for body in [
            "<html><center>The plain HTTP request was sent to HTTPS port</center></html>",
            "Client sent an HTTP request to an HTTPS server.\n",
            "You're speaking plain HTTP to an SSL-enabled server port.<br />",
        ] {
            assert!(asks_for_tls(400, body) && !asks_for_tls(404, body), "{body}");
        }
        assert!(!asks_for_tls(400, "A contact must be a JSON object."));
    }
}
