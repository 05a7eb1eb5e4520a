//! Who sends a request, beside what the request says of itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, ORIGIN};
use hyper::http::Extensions;

use super::client_address::ClientAddress;
use super::connections::Connection;
use super::cors::without_port;
use super::problem::Problem;
use super::request_id::RequestId;
use super::request_shares::RequestShare;
use crate::domain::TraceParent;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The sender of a request; each request has one among its extensions.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) connection: Arc<Connection>,
    /// The client, by its connection or as a trusted proxy names it.
    pub(super) client: Option<ClientAddress>,
    /// Whether the client uses TLS, to the listener itself or as a trusted proxy says.
    pub(super) is_secure: bool,
    /// Whether a page sends the request whose origin the operator allowed.
    pub(super) is_allowed_origin: bool,
    /// Who the credentials belong to, for the log, once they were checked.
    pub(super) caller: Arc<OnceLock<String>>,
    /// Whether an operator asked to change nothing, for the log.
    pub(super) is_dry_run: Arc<AtomicBool>,
    /// The name of the request.
    pub(super) request_id: RequestId,
    /// The span that belongs to the request, which a job keeps that it makes.
    pub(super) trace: Option<TraceParent>,
}

impl Sender {
    /// Returns the sender of a request, which is among its extensions.
    ///
    /// # Errors
    /// 500 if the listener put none there.
    pub(super) fn of(extensions: &Extensions) -> Result<Self, Problem> {
        extensions.get().cloned().ok_or_else(|| Problem::panicked(&"a request has no sender"))
    }

    /// Learns that the request's credentials are right: from now on, its connection is not closed to make room. The connection
    /// holds the share of the request until the answer is sent.
    ///
    /// # Errors
    /// 503 if the connection was closed already. The client does not see it, but nothing may be stored any more.
    pub(super) fn authenticated(&self, share: Option<RequestShare>) -> Result<(), Problem> {
        if self.connection.authenticated(share) { Ok(()) } else { Err(Problem::all_connections_busy()) }
    }

    /// Learns who the credentials belong to, for the log.
    pub(super) fn is_called(&self, caller: &str) {
        drop(self.caller.set(caller.to_owned()));
    }

    /// Learns that the request only tries what it asks for, for the log.
    pub(super) fn is_only_trying(&self) {
        self.is_dry_run.store(true, Ordering::Relaxed);
    }

    /// Refuses a request that a browser sends for a page of another origin, unless the operator allowed that origin. This is for
    /// requests with credentials that a browser adds by itself.
    ///
    /// # Errors
    /// 403 if `Sec-Fetch-Site` or `Origin` says so.
    pub(super) fn refuse_other_origins(&self, headers: &HeaderMap) -> Result<(), Problem> {
        if self.is_allowed_origin {
            return Ok(());
        }
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        if sites.any(|site| site != "same-origin" && site != "none") {
            return Err(Problem::cross_origin());
        }
        let own = headers.get(HOST).and_then(|host| host.to_str().ok()).map(|host| self.origin(host));
        let is_own = |origin: &str| own.as_deref().is_some_and(|own| without_port(origin).eq_ignore_ascii_case(own));
        if headers.get_all(ORIGIN).iter().any(|origin| !origin.to_str().is_ok_and(is_own)) {
            return Err(Problem::cross_origin());
        }
        Ok(())
    }

    fn origin(&self, host: &str) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        without_port(&format!("{scheme}://{host}")).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};

    use super::Sender;
    use crate::http::connections::Connection;
    use crate::http::request_id::RequestId;

    #[test]
    fn requests_of_other_origins_are_refused() {
        let (none, same, cross) =
            (("sec-fetch-site", "none"), ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site"));
        let origin = |value: &'static str| ("origin", value);
        for (is_secure, host, lines, allowed) in [
            (false, "a.example", &[][..], true),
            (false, "a.example", &[none], true),
            (false, "a.example", &[same], true),
            (false, "a.example", &[cross], false),
            (false, "a.example", &[("sec-fetch-site", "same-site")], false),
            (false, "a.example", &[same, cross], false),
            (false, "a.example", &[origin("http://a.example")], true),
            (false, "A.example:80", &[origin("http://a.example")], true),
            (false, "a.example:8080", &[origin("http://a.example:8080")], true),
            (false, "a.example:8080", &[origin("http://a.example")], false),
            (false, "a.example", &[origin("https://a.example")], false),
            (true, "a.example", &[origin("https://a.example")], true),
            (true, "a.example:443", &[same, origin("https://a.example")], true),
            (true, "a.example", &[origin("http://a.example")], false),
            (false, "a.example", &[origin("null")], false),
            (false, "a.example", &[origin("http://evil.example")], false),
            (false, "a.example", &[same, origin("http://evil.example")], false),
            (false, "a.example", &[origin("http://a.example"), origin("http://evil.example")], false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static(host));
            for (name, value) in lines {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            let connection = Arc::new(Connection::new(None, false, Instant::now()));
            let (caller, is_dry_run) = (Arc::default(), Arc::default());
            let request_id = RequestId::of(&headers);
            let sender = Sender {
                connection,
                client: None,
                is_secure,
                is_allowed_origin: false,
                caller,
                is_dry_run,
                request_id,
                trace: None,
            };
            assert_eq!(sender.refuse_other_origins(&headers).is_ok(), allowed, "{is_secure} {host} {lines:?}");
        }
    }
}
