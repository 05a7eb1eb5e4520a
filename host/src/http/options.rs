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
        _ if path == "*" => String::from(ALL_METHODS),
        Some(methods) if methods.starts_with("GET") && !methods.contains("HEAD") => format!("{methods}, HEAD, OPTIONS"),
        Some(methods) => format!("{methods}, OPTIONS"),
        None => return Err(refusal),
    };
    let mut reply = no_content();
    reply.headers_mut().extend(HeaderValue::from_str(&methods).ok().map(|methods| (ALLOW, methods)));
    Ok(reply)
}
