//! Headers that a request must not have twice. Programs differ in which of two headers counts, so a client whose header was
//! added once more on the way would get another answer than it asked for.

use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use super::problem::Problem;

/// As what a body is read, and which request this is. `Host`, `Authorization` and `Content-Length` are checked with the head.
const SINGLE: [HeaderName; 4] = [
    CONTENT_TYPE,
    CONTENT_ENCODING,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("x-http-method-override"),
];

/// Checks that a request has each of these headers once at most.
///
/// # Errors
/// 400 that names the header.
pub(super) fn check_single_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let is_repeated = |name: &&HeaderName| headers.get_all(*name).iter().nth(1).is_some();
    match SINGLE.iter().find(is_repeated) {
        Some(name) => Err(Problem::repeated_header(name)),
        None => Ok(()),
    }
}
