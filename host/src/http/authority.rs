//! The server that a request names. A proxy may route by the target and this server read `Host`, so both must say the same.

use hyper::header::HOST;
use hyper::http::uri::Authority;
use hyper::{Method, Request};

use super::problem::Problem;

/// Checks that a request names one server at most, in a form that has one meaning (RFC 9112, sections 3.2 and 3.3). That
/// there is one `Host` at most was checked with the head.
///
/// # Errors
/// 400 if `Host` is no name with or without a port, the target names another server, or either has a user's name.
pub(super) fn check_authority<T>(request: &Request<T>) -> Result<(), Problem> {
    let host = match request.headers().get(HOST) {
        Some(value) => Some(value.to_str().ok().and_then(parse).ok_or_else(|| {
            Problem::bad_request("Host is not a server's name. Send the name, or the name, a colon and the port.")
        })?),
        None => None,
    };
    let Some(target) = request.uri().authority() else { return Ok(()) };
    // The name in a CONNECT is not this server's, and no endpoint has the method.
    if request.method() == Method::CONNECT {
        return Ok(());
    }
    let has_user = target.as_str().contains('@');
    let differs = host.is_some_and(|host| !host.as_str().eq_ignore_ascii_case(target.as_str()));
    if has_user || differs {
        return Err(Problem::bad_request(
            "The first line of the request names another server than Host does. Send the path alone.",
        ));
    }
    Ok(())
}

fn parse(host: &str) -> Option<Authority> {
    let authority: Authority = host.parse().ok()?;
    let has_name = !authority.host().is_empty() && !host.contains('@');
    has_name.then_some(authority)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::check_authority;

    #[test]
    fn a_request_names_one_server() {
        for (target, host, is_right) in [
            ("/", Some("a.example"), true),
            ("/", Some("a.example:8080"), true),
            ("/", Some("[::1]:8080"), true),
            ("/", None, true),
            ("*", Some("a.example"), true),
            ("/", Some(""), false),
            ("/", Some(":80"), false),
            ("/", Some("a b"), false),
            ("/", Some("a/b"), false),
            ("/", Some("a,b"), true),
            ("/", Some("user@a.example"), false),
            ("/", Some("a.example:80:80"), false),
            ("http://a.example/", Some("a.example"), true),
            ("http://A.example/", Some("a.EXAMPLE"), true),
            ("http://a.example/", None, true),
            ("http://b.example/", Some("a.example"), false),
            ("http://a.example:81/", Some("a.example"), false),
            ("http://user@a.example/", Some("a.example"), false),
            ("http://user@a.example/", Some("user@a.example"), false),
        ] {
            let mut request = Request::get(target);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let request = request.body(()).unwrap();
            assert_eq!(check_authority(&request).is_ok(), is_right, "{target} {host:?}");
        }
    }
}
