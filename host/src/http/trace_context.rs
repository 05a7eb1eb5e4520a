//! `traceparent` and `tracestate`: the trace that a request belongs to, by W3C Trace Context.

use hyper::HeaderMap;
use hyper::header::HeaderName;

use crate::domain::TraceParent;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Bytes of `tracestate` that are passed on. The specification has every program pass on so much.
const MAX_STATE_BYTES: usize = 512;

/// Returns the span that a request belongs to; `None` if the request names none, several or one that cannot be.
pub(super) fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    TraceParent::parse(value.to_str().ok()?)
}

/// Returns what other programs keep with the trace, as it was sent; nothing if that is too long or no text.
pub(super) fn trace_state(headers: &HeaderMap) -> String {
    let mut state = String::new();
    for value in headers.get_all(TRACESTATE) {
        let Ok(value) = value.to_str() else { return String::new() };
        if state.len() + value.len() >= MAX_STATE_BYTES {
            return String::new();
        }
        if !state.is_empty() {
            state.push(',');
        }
        state.push_str(value);
    }
    state
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::HeaderValue;

    use super::{MAX_STATE_BYTES, TRACEPARENT, TRACESTATE, trace_parent, trace_state};

    #[test]
    fn a_request_belongs_to_one_span_at_most() {
        let mut headers = HeaderMap::new();
        assert_eq!(trace_parent(&headers), None);
        let value = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        headers.insert(TRACEPARENT, value.clone());
        assert_eq!(trace_parent(&headers).unwrap().trace().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        headers.append(TRACEPARENT, value);
        assert_eq!(trace_parent(&headers), None);
        headers.insert(TRACEPARENT, HeaderValue::from_bytes(b"00-\xff").unwrap());
        assert_eq!(trace_parent(&headers), None);
    }

    #[test]
    fn what_others_keep_with_a_trace_is_joined_and_bounded() {
        let long = "x".repeat(MAX_STATE_BYTES);
        for (sent, expected) in [
            (&[][..], ""),
            (&["a=1"], "a=1"),
            (&["a=1,b=2", "c=3"], "a=1,b=2,c=3"),
            (&[&long[1..]], &long[1..]),
            (&[&long], ""),
            (&["a=1", &long[3..]], ""),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(TRACESTATE, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(trace_state(&headers), expected);
        }
    }
}
