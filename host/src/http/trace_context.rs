//! `traceparent`: the trace that a request belongs to, by W3C Trace Context level 1.

use hyper::HeaderMap;
use hyper::header::HeaderName;

/// The header.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Returns the id of the trace that a request belongs to; `None` if it names none, several or one that cannot be.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let mut parts = value.to_str().ok()?.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    let is_right = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && !is_zero(trace)
        && is_hex(parent, 16)
        && !is_zero(parent)
        && is_hex(flags, 2)
        && (version != "00" || parts.next().is_none());
    is_right.then(|| trace.to_owned())
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::HeaderValue;

    use super::{TRACEPARENT, trace_id};

    #[test]
    fn a_trace_is_named_by_the_rules_of_the_specification() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (value, is_named) in [
            (format!("00-{trace}-00f067aa0ba902b7-01"), true),
            (format!("01-{trace}-00f067aa0ba902b7-01-more"), true),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), false),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), false),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), false),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), false),
            (format!("00-{trace}-0000000000000000-01"), false),
            (format!("00-{trace}-00f067aa0ba902b7"), false),
            (String::from("nonsense"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, HeaderValue::from_str(&value).unwrap());
            assert_eq!(trace_id(&headers).is_some(), is_named, "{value}");
            headers.append(TRACEPARENT, HeaderValue::from_str(&value).unwrap());
            assert_eq!(trace_id(&headers), None, "{value}, twice");
        }
    }
}
