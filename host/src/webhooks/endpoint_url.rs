//! The URL of an endpoint, as a tenant names it.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Bytes of a URL.
const MAX_BYTES: usize = 2_048;
/// The first port that servers of users have.
const FIRST_USERS_PORT: u16 = 1_024;

/// The URL of an endpoint: `https` or `http`, a host and a port that web servers have, and perhaps a path and a query. Written as
/// browsers write it, so that `https://0x7f.1/` is seen as what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl(Url);

/// Why a text is no URL of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointUrlError {
    /// The text is too long.
    #[error("the URL has more than 2,048 bytes")]
    TooLong,
    /// The text is no URL.
    #[error("a URL such as https://hooks.example/bulkhead is expected")]
    NoUrl,
    /// The URL has another scheme.
    #[error("the URL must begin with https://")]
    Scheme,
    /// The URL has no TLS, and the operator allows no network without.
    #[error(
        "the URL must begin with https://. Without TLS, messages are sent only to networks that the operator allows by --webhook-allow"
    )]
    NoTls,
    /// The URL has an address that messages are never sent to.
    #[error(
        "messages are not sent to the address {0}, which is none of the public Internet. An operator can allow its network by --webhook-allow"
    )]
    Address(IpAddr),
    /// The URL has a user name or a password.
    #[error(
        "the URL has a user name or a password. Leave them out; the signature shows that a message is from this server"
    )]
    Credentials,
    /// The URL has a part behind `#`, which is never sent.
    #[error("the URL has a part behind '#', which is never sent. Leave it out")]
    Fragment,
    /// The port belongs to another service.
    #[error("the port must be 80, 443, or from 1024 on")]
    Port,
}

impl EndpointUrl {
    /// Parses what a tenant sent.
    ///
    /// # Errors
    /// If the text is no URL that messages can be sent to.
    pub fn parse(text: &str) -> Result<Self, EndpointUrlError> {
        if text.len() > MAX_BYTES {
            return Err(EndpointUrlError::TooLong);
        }
        let url = Url::parse(text.trim()).map_err(|_| EndpointUrlError::NoUrl)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(EndpointUrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointUrlError::Credentials);
        }
        if url.fragment().is_some() {
            return Err(EndpointUrlError::Fragment);
        }
        let port = url.port_or_known_default().ok_or(EndpointUrlError::Port)?;
        if port != 80 && port != 443 && port < FIRST_USERS_PORT {
            return Err(EndpointUrlError::Port);
        }
        if url.as_str().len() > MAX_BYTES {
            return Err(EndpointUrlError::TooLong);
        }
        url.host().ok_or(EndpointUrlError::NoUrl)?;
        Ok(Self(url))
    }

    /// Returns the URL as it is shown and stored.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns whether messages go by TLS.
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns the address, if the host is no name.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Returns the host: a name or an address.
    pub(super) fn host(&self) -> Option<Host<&str>> {
        self.0.host()
    }

    /// Returns the host and the port as the header `Host` has them.
    pub(super) fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        self.0.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Returns the port.
    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(443)
    }

    /// Returns the path and the query.
    pub(super) fn target(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }
}

impl fmt::Display for EndpointUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{EndpointUrl, EndpointUrlError};

    #[test]
    fn urls_are_read_as_browsers_read_them() {
        use EndpointUrlError::{Credentials, Fragment, NoUrl, Port, Scheme, TooLong};
        for (text, expected) in [
            ("https://hooks.example/a?b=c", Ok("https://hooks.example/a?b=c")),
            (" https://Hooks.Example ", Ok("https://hooks.example/")),
            ("https://hooks.example:443/", Ok("https://hooks.example/")),
            ("https://hooks.example:8443/", Ok("https://hooks.example:8443/")),
            ("http://hooks.example:80", Ok("http://hooks.example/")),
            ("https://b\u{fc}cher.example/", Ok("https://xn--bcher-kva.example/")),
            // Other spellings of 127.0.0.1.
            ("https://2130706433/", Ok("https://127.0.0.1/")),
            ("https://0x7f.1/", Ok("https://127.0.0.1/")),
            ("https://0177.0.0.01/", Ok("https://127.0.0.1/")),
            ("https://127.1/", Ok("https://127.0.0.1/")),
            ("https://\u{ff11}\u{ff12}\u{ff17}.1/", Ok("https://127.0.0.1/")),
            ("https://[::ffff:127.0.0.1]/", Ok("https://[::ffff:7f00:1]/")),
            ("https://[0:0:0:0:0:0:0:1]/", Ok("https://[::1]/")),
            ("https:\\\\hooks.example\\a", Ok("https://hooks.example/a")),
            ("https://hooks.example:22/", Err(Port)),
            ("https://hooks.example:25/", Err(Port)),
            ("https://hooks.example:1023/", Err(Port)),
            ("https://hooks.example:0/", Err(Port)),
            ("https://hooks.example:65536/", Err(NoUrl)),
            ("ftp://hooks.example/", Err(Scheme)),
            ("file:///etc/passwd", Err(Scheme)),
            ("gopher://hooks.example:8080/", Err(Scheme)),
            ("javascript:alert(1)", Err(Scheme)),
            ("https://user@hooks.example/", Err(Credentials)),
            ("https://user:secret@hooks.example/", Err(Credentials)),
            ("https://hooks.example@127.0.0.1/", Err(Credentials)),
            ("https://hooks.example/#a", Err(Fragment)),
            ("https://", Err(NoUrl)),
            ("https://[fe80::1%25eth0]/", Err(NoUrl)),
            ("https://a b/", Err(NoUrl)),
            ("https://256.256.256.256/", Err(NoUrl)),
            ("//hooks.example/", Err(NoUrl)),
            ("hooks.example", Err(NoUrl)),
            ("", Err(NoUrl)),
            (&*format!("https://hooks.example/{}", "a".repeat(2_048)), Err(TooLong)),
            (&*format!("https://hooks.example/{}", "\u{fc}".repeat(900)), Err(TooLong)),
        ] {
            let read = EndpointUrl::parse(text);
            assert_eq!(read.as_ref().map(EndpointUrl::as_str).map_err(|error| *error), expected, "{text}");
        }
    }

    #[test]
    fn a_request_has_the_parts_of_the_url() {
        let url = EndpointUrl::parse("http://[::1]:8080/a%20b?c").unwrap();
        assert_eq!((url.authority().as_str(), url.port(), url.target().as_str()), ("[::1]:8080", 8080, "/a%20b?c"));
        let url = EndpointUrl::parse("https://hooks.example").unwrap();
        assert_eq!((url.authority().as_str(), url.port(), url.target().as_str()), ("hooks.example", 443, "/"));
        assert!(url.is_tls());
    }
}
