//! `OPTIONS`: which methods a path has.

use hyper::header::{ALLOW, HeaderValue};

use super::problem::Problem;
use super::reply::{Reply, no_content};

/// The methods that some path has, for `OPTIONS *`.
const ALL_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Answers `OPTIONS` for a path, given what `OPTIONS` is refused with there.
///
/// # Errors
/// The refusal itself, if it is not about the method: then there is no such path.
pub(super) fn answer(path: &str, refusal: Problem) -> Result<Reply, Problem> {
    let methods = match refusal.allowed_methods() {
        _ if path == "*" => HeaderValue::from_static(ALL_METHODS),
        Some(methods) => methods.clone(),
        None => return Err(refusal),
    };
    let mut reply = no_content();
    reply.headers_mut().insert(ALLOW, methods);
    Ok(reply)
}
