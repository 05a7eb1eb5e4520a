//! Problems as RFC 9457 has them, for clients that ask for `application/problem+json`. All others get Mautic's envelope.

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;

use super::accept::is_named;
use super::reply::{Reply, ReplyBody};
use super::request_id::RequestId;
use crate::metrics::RefusalReason;

const PROBLEM_JSON: &str = "application/problem+json";
/// The type of problems that IANA lists for clients that exceed a quota.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";
/// The kind of such problems in Mautic's envelope.
pub(super) const QUOTA_EXCEEDED_KIND: &str = "quota_exceeded";
/// The kind of problems of clients that sent too many wrong credentials.
pub(super) const FAILED_LOGINS_KIND: &str = "too_many_failed_logins";

/// The kind of problems of clients that have too many connections or requests at once.
pub(super) const TOO_MANY_CONNECTIONS_KIND: &str = "too_many_connections";

/// What a problem's answer says, kept beside the answer until it is sent.
#[derive(Debug, Clone)]
pub(super) struct ProblemDetails {
    /// The problem's own status, which is not always that of the answer.
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) message: String,
}

#[derive(Serialize)]
struct DetailsBody<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: &'a str,
    /// The type in Mautic's envelope.
    code: &'a str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
}

/// Returns whether a client asks for problems in this form: it names the type, and does not weigh it 0.
pub(super) fn are_accepted(headers: &HeaderMap) -> bool {
    is_named(headers, PROBLEM_JSON)
}

/// Returns why an answer refuses a request that may have been all right; `None` for all other answers.
pub(super) fn refusal(reply: &Reply) -> Option<RefusalReason> {
    let ProblemDetails { status, kind, .. } = reply.extensions().get()?;
    match (*kind, *status) {
        (FAILED_LOGINS_KIND, _) | (_, StatusCode::UNAUTHORIZED) => Some(RefusalReason::Credentials),
        (TOO_MANY_CONNECTIONS_KIND, _) => Some(RefusalReason::Connections),
        (_, StatusCode::PAYLOAD_TOO_LARGE) => Some(RefusalReason::TooLarge),
        (_, StatusCode::TOO_MANY_REQUESTS) => Some(RefusalReason::TenantLimit),
        (_, StatusCode::SERVICE_UNAVAILABLE) => Some(RefusalReason::Unavailable),
        (_, StatusCode::INSUFFICIENT_STORAGE) => Some(RefusalReason::Storage),
        _ => None,
    }
}

/// Returns whether an answer is one to credentials that are wrong, or missing.
pub(super) fn is_unauthorized(reply: &Reply) -> bool {
    let details: Option<&ProblemDetails> = reply.extensions().get();
    details.is_some_and(|details| details.status == StatusCode::UNAUTHORIZED)
}

/// Writes the body of an answer anew, if it is a problem's.
pub(super) fn rewrite(reply: &mut Reply, path: &str, request_id: &RequestId) {
    let Some(ProblemDetails { kind, message, .. }) = reply.extensions_mut().remove::<ProblemDetails>() else { return };
    let status = reply.status();
    let body = DetailsBody {
        r#type: if kind == QUOTA_EXCEEDED_KIND { QUOTA_EXCEEDED } else { "about:blank" },
        title: title(status, kind),
        status: status.as_u16(),
        detail: &message,
        instance: path,
        code: kind,
        request_id: request_id.as_str(),
    };
    let Ok(text) = serde_json::to_vec(&body) else { return };
    *reply.body_mut() = ReplyBody::Whole(text.into());
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
}

fn title(status: StatusCode, kind: &str) -> &str {
    if kind == QUOTA_EXCEEDED_KIND {
        return "Request cannot be satisfied as assigned quota has been exceeded";
    }
    status.canonical_reason().unwrap_or(kind)
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{ACCEPT, HeaderValue};

    use super::{are_accepted, refusal};
    use crate::http::problem::Problem;
    use crate::metrics::RefusalReason::{Connections, Credentials, Unavailable};

    #[test]
    fn a_refusal_has_one_reason() {
        for (problem, expected) in [
            (Problem::too_many_failed_logins(), Some(Credentials)),
            (Problem::too_many_connections(), Some(Connections)),
            (Problem::shutting_down(), Some(Unavailable)),
            (Problem::too_many_requests(), Some(Unavailable)),
            (Problem::bad_request("no JSON"), None),
            (Problem::wrong_method("PUT", "GET"), None),
        ] {
            let reply = problem.into_reply();
            assert_eq!(refusal(&reply), expected, "{}", reply.status());
        }
    }

    #[test]
    fn only_who_names_the_type_gets_it() {
        for (accept, expected) in [
            ("application/problem+json", true),
            ("application/json, Application/Problem+JSON;q=0.5", true),
            ("application/problem+json;q=0", false),
            ("application/problem+json;q=0.0", false),
            ("*/*", false),
            ("application/*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(are_accepted(&headers), expected, "{accept}");
        }
    }
}
