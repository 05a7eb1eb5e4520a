//! The methods of HTTP, for metrics and spans: no text of a stranger becomes a label of a metric or the name of a span.

use hyper::Method;

const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Returns a method, or `_OTHER` for one that HTTP does not know.
pub(super) fn known_method(method: &Method) -> &'static str {
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}
