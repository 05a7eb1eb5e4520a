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
        // A client that knows no name of the server sends an empty one.
        Some(value) if value.is_empty() && request.uri().authority().is_none() => return Ok(()),
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
    let default_port = if request.uri().scheme_str() == Some("https") { 443 } else { 80 };
    let server =
        |authority: &Authority| (authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default_port));
    let differs = host.is_some_and(|host| server(&host) != server(target));
    if !is_server(target) || differs {
        return Err(Problem::bad_request(
            "The first line of the request names another server than Host does. Send the path alone.",
        ));
    }
    Ok(())
}

fn parse(host: &str) -> Option<Authority> {
    host.parse().ok().filter(is_server)
}

/// Returns whether an authority is a name with or without a port.
fn is_server(authority: &Authority) -> bool {
    let text = authority.as_str();
    let name = authority.host();
    let port = text.strip_prefix(name).map(|rest| rest.strip_prefix(':').unwrap_or(rest));
    let has_port = |port: &str| port.is_empty() || port.parse::<u16>().is_ok();
    !name.is_empty() && !name.contains(',') && port.is_some_and(has_port)
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
            ("/", Some(""), true),
            ("http://a.example/", Some(""), false),
            ("http://a.example/", Some("a.example:80"), true),
            ("http://a.example:80/", Some("a.example"), true),
            ("/", Some("a.example:"), true),
            ("/", Some("a.example:abc"), false),
            ("/", Some("a.example:99999"), false),
            ("/", Some(":80"), false),
            ("/", Some("a b"), false),
            ("/", Some("a/b"), false),
            ("/", Some("a,b"), false),
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
