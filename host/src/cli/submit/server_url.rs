//! The URL of a server, as the user gives it.

use std::fmt::{self, Display};

use ureq::http::Uri;

use super::error::SubmitError;

/// The port on which servers listen unless they are told otherwise.
const USUAL_PORT: u16 = 8080;

/// A URL to which the paths of the API can be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerUrl {
    /// Without slashes at the end.
    text: String,
    host: String,
    port: Option<u16>,
    pub(super) is_tls: bool,
}

impl ServerUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it cannot be a server's; the text says why, and names no credentials.
    pub(super) fn parse(given: &str) -> Result<Self, SubmitError> {
        let given = given.trim();
        let (scheme, rest) = given.split_once("://").map_or((None, given), |(scheme, rest)| (Some(scheme), rest));
        let rest = rest.trim_end_matches('/');
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(SubmitError::UserInUrl);
        }
        let refused = |why: String| SubmitError::Url { url: given.to_owned(), why };
        let Some(scheme) = scheme else {
            let is_address = !rest.is_empty() && !rest.contains(char::is_whitespace);
            return Err(refused(if is_address {
                format!(
                    "it must begin with http:// or https://. Give http://{rest}, or https://{rest} if TLS is spoken there."
                )
            } else {
                usual()
            }));
        };
        let is_tls = scheme.eq_ignore_ascii_case("https");
        if !is_tls && !scheme.eq_ignore_ascii_case("http") {
            return Err(refused(format!("it must begin with http:// or https://, not {scheme}://.")));
        }
        if rest.contains(['?', '#']) {
            return Err(refused(format!("it may have no '?' or '#'. {}", usual())));
        }
        let text = format!("{scheme}://{rest}");
        let uri: Uri = text.parse().map_err(|_| refused(usual()))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| refused(usual()))?.to_owned();
        let port = uri.port_u16();
        if port.is_none() && uri.authority().is_some_and(|authority| authority.as_str() != host) {
            return Err(refused("its port must be a number from 1 to 65535.".to_owned()));
        }
        Ok(Self { text, host, port, is_tls })
    }

    /// Returns the host's name or address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the same URL with the other scheme.
    pub(super) fn with_other_scheme(&self) -> String {
        let scheme = if self.is_tls { "http" } else { "https" };
        self.text.split_once("://").map_or_else(|| self.text.clone(), |(_, rest)| format!("{scheme}://{rest}"))
    }

    /// Returns the URL to which a redirect leads, without its path, if it is one of this host with TLS.
    pub(super) fn same_host_with_tls(&self, location: &str) -> Option<String> {
        let rest = location.strip_prefix("https://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let port = authority.strip_prefix(&self.host)?;
        (port.is_empty() || port.starts_with(':')).then(|| format!("https://{authority}"))
    }

    /// Says what to do if nothing listens there: a sentence.
    pub(super) fn advice_if_refused(&self) -> String {
        match self.port {
            Some(_) => "Start a server with 'bulkhead serve', or give another URL with --url.".to_owned(),
            None => {
                let (scheme, usual) = if self.is_tls { ("https", 443) } else { ("http", 80) };
                format!(
                    "A URL without a port means port {usual}, and a server listens on {USUAL_PORT} unless --listen says otherwise: give --url {scheme}://{}:PORT.",
                    self.host
                )
            }
        }
    }
}

impl Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Says what a URL looks like: a sentence.
fn usual() -> String {
    format!("Give one such as http://127.0.0.1:{USUAL_PORT} with --url.")
}

#[cfg(test)]
mod tests {
    use super::ServerUrl;

    #[test]
    fn urls_of_servers_are_taken_without_their_last_slash() {
        for (given, text, host) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1"),
            (" https://example.com/ ", "https://example.com", "example.com"),
            ("HTTP://[::1]:80/behind/a/path/", "HTTP://[::1]:80/behind/a/path", "[::1]"),
        ] {
            let url = ServerUrl::parse(given).unwrap();
            assert_eq!((url.to_string().as_str(), url.host()), (text, host));
        }
        assert_eq!(ServerUrl::parse("http://a:1/b").unwrap().with_other_scheme(), "https://a:1/b");
        let plain = ServerUrl::parse("http://a:8080/b").unwrap();
        for (location, expected) in [
            ("https://a/b/api", Some("https://a")),
            ("https://a:8443?c", Some("https://a:8443")),
            ("https://a.example/b", None),
            ("https://other/b", None),
            ("http://a/b", None),
            ("/b", None),
        ] {
            assert_eq!(plain.same_host_with_tls(location).as_deref(), expected, "{location}");
        }
        assert!(ServerUrl::parse("http://a").unwrap().advice_if_refused().contains("port 80,"));
        assert!(ServerUrl::parse("https://a").unwrap().advice_if_refused().contains("https://a:PORT"));
    }

    #[test]
    fn other_urls_are_refused_with_what_to_do() {
        for (given, part) in [
            ("", "Give one such as http://127.0.0.1:8080"),
            ("two words", "Give one such as"),
            ("localhost:8080", "Give http://localhost:8080, or https://localhost:8080 if"),
            ("example.com/", "Give http://example.com, or https://example.com if"),
            ("ftp://example.com", "not ftp://"),
            ("http://", "cannot be a server's URL"),
            ("http://:80", "cannot be a server's URL"),
            ("http://a:port", "cannot be a server's URL"),
            ("http://a:99999", "cannot be a server's URL"),
            ("http://a/?b=c", "it may have no '?'"),
            ("http://a#b", "it may have no '?'"),
            ("http://acme:secret@a", "--user ID:SECRET"),
            ("acme:secret@a:8080", "--user ID:SECRET"),
        ] {
            let said = ServerUrl::parse(given).unwrap_err().to_string();
            assert!(said.contains(part) && !said.contains("secret@"), "{given}: {said}");
        }
    }
}
