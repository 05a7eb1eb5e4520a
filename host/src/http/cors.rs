//! Which pages of other origins may read answers (Cross-Origin Resource Sharing).
//!
//! A browser asks before it sends such a page's request (a preflight), and shows the page an answer only if the answer allows it.
//! Nothing here makes a browser send what it remembers: answers never allow credentials that the page does not know.

use std::str::FromStr;
use std::sync::Arc;

use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ALLOW, HeaderValue, ORIGIN,
    VARY,
};
use hyper::http::uri::Uri;
use hyper::{HeaderMap, Method, Request};

use super::reply::Reply;

/// The headers of requests that pages may send.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Content-Encoding, Idempotency-Key, If-None-Match, Prefer, Last-Event-ID, X-HTTP-Method-Override",
);
/// The headers of answers that pages may read, besides those that every page may.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "Location, ETag, Retry-After, Preference-Applied, Allow, WWW-Authenticate, Mautic-Version, Bulkhead-Ignored, Bulkhead-Ignored-Others, Bulkhead-Total-Bounded, RateLimit, RateLimit-Policy, X-Request-Id, Content-Disposition",
);
/// Seconds for which a browser remembers the answer to a preflight.
const PREFLIGHT_SECONDS: u32 = 600;

/// An origin, such as `https://app.example`: `http` or `https`, a host, and a port unless it is the scheme's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

/// Why a text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin such as https://app.example or http://localhost:3000 is expected: http or https, a host, a port if it is not the usual one, and nothing behind that, not even a slash"
)]
pub struct OriginError;

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let text = text.trim();
        let uri: Uri = text.parse().map_err(|_| OriginError)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(OriginError) };
        let is_known = (scheme == "http" || scheme == "https") && !authority.host().is_empty();
        let is_whole = format!("{scheme}://{authority}").eq_ignore_ascii_case(text);
        let has_right_port = authority.as_str().len() == authority.host().len() || authority.port_u16().is_some();
        if !is_known || !is_whole || !has_right_port || authority.as_str().contains(['*', '@']) {
            return Err(OriginError);
        }
        Ok(Self(without_port(&text.to_ascii_lowercase()).to_owned()))
    }
}

/// Removes the port that an origin's scheme has anyway.
pub(super) fn without_port(origin: &str) -> &str {
    let port = if origin.starts_with("https:") { ":443" } else { ":80" };
    origin.strip_suffix(port).unwrap_or(origin)
}

/// The origins whose pages may read answers.
#[derive(Debug, Clone, Default)]
pub struct AllowedOrigins(Arc<[Origin]>);

/// What the answer to a request has to say to a browser.
#[derive(Debug, Clone, Default)]
pub(super) struct CorsAnswer {
    /// The origin of the page, if it is allowed.
    origin: Option<HeaderValue>,
    is_preflight: bool,
    /// Whether answers depend on the origin at all.
    varies: bool,
}

impl AllowedOrigins {
    /// Allows these origins.
    pub fn new(origins: Vec<Origin>) -> Self {
        Self(origins.into())
    }

    /// Reads the origin of a request. Several origins are none.
    pub(super) fn check<T>(&self, request: &Request<T>) -> CorsAnswer {
        let headers = request.headers();
        CorsAnswer {
            origin: self.allowed(headers),
            is_preflight: request.method() == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD),
            varies: !self.0.is_empty(),
        }
    }

    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let origin = origins.next().filter(|_| origins.next().is_none())?;
        let text = without_port(origin.to_str().ok()?);
        self.0.iter().any(|Origin(allowed)| allowed.eq_ignore_ascii_case(text)).then(|| origin.clone())
    }
}

impl CorsAnswer {
    /// Returns whether the request is of a page whose origin is allowed.
    pub(super) fn is_allowed(&self) -> bool {
        self.origin.is_some()
    }

    /// Says in an answer what the page may send and read.
    pub(super) fn tell(self, reply: &mut Reply) {
        let allow = reply.headers().get(ALLOW).cloned();
        let headers = reply.headers_mut();
        if self.varies {
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        let Some(origin) = self.origin else { return };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
        if self.is_preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_SECONDS));
            headers.extend(allow.map(|allow| (ACCESS_CONTROL_ALLOW_METHODS, allow)));
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::{AllowedOrigins, Origin};

    #[test]
    fn origins_are_read_as_browsers_write_them() {
        for (text, expected) in [
            ("https://app.example", Some("https://app.example")),
            (" HTTPS://App.example:443 ", Some("https://app.example")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("HTTP://app.example:80", Some("http://app.example")),
            ("https://app.example:65535", Some("https://app.example:65535")),
            ("https://app.example:65536", None),
            ("https://app.example:", None),
            ("https://app.example:x", None),
            ("https://", None),
            ("https://:443", None),
            ("ftp://app.example", None),
            ("capacitor://localhost", None),
            ("file:///app", None),
            ("https://app.example?x", None),
            ("https://app.example#x", None),
            ("https://app.example,https://other.example", None),
            ("https://app.example/", None),
            ("https://app.example/path", None),
            ("https://*.example", None),
            ("https://user@app.example", None),
            ("app.example", None),
            ("null", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(text.parse::<Origin>().ok().map(|origin| origin.0).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_the_named_origins_are_allowed() {
        let allowed = AllowedOrigins::new(vec!["https://app.example".parse().unwrap()]);
        for (origins, expected) in [
            (&["https://app.example"][..], true),
            (&["https://APP.example:443"], true),
            (&["http://app.example"], false),
            (&["https://app.example:8443"], false),
            (&["https://app.example.evil.example"], false),
            (&["null"], false),
            (&["https://app.example", "https://evil.example"], false),
            (&["https://app.example", "https://app.example"], false),
            (&[], false),
        ] {
            let mut request = Request::get("/");
            for origin in origins {
                request = request.header("origin", *origin);
            }
            let request = request.body(()).unwrap();
            assert_eq!(allowed.check(&request).is_allowed(), expected, "{origins:?}");
            assert!(!AllowedOrigins::default().check(&request).is_allowed());
        }
    }
}
