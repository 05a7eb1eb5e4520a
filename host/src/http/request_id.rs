//! `X-Request-Id`: a name for a request, by which its client and the log find it.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header of requests and answers.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Bytes of a name that is taken from a client.
const MAX_BYTES: usize = 128;

/// The name of a request.
#[derive(Debug, Clone)]
pub(super) struct RequestId(HeaderValue);

impl RequestId {
    /// Takes the name that the client or a proxy gave the request, or makes one. A name that is too long, or has other characters
    /// than letters, digits and `-_.:+/=@`, is not taken: it goes to the log and back to the client.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut sent = headers.get_all(X_REQUEST_ID).iter();
        let is_usable = |value: &&HeaderValue| {
            let usable = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@".contains(byte);
            (1..=MAX_BYTES).contains(&value.len()) && value.as_bytes().iter().all(usable)
        };
        match (sent.next().filter(is_usable), sent.next()) {
            // A copy, because the value itself keeps the whole buffer of the connection while the request waits for a job.
            (Some(value), None) if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) => Self(value),
            _ => Self(
                HeaderValue::from_str(&Uuid::new_v4().as_hyphenated().to_string())
                    .unwrap_or(HeaderValue::from_static("unknown")),
            ),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Names the request in its answer.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        headers.insert(X_REQUEST_ID, self.0.clone());
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::HeaderValue;

    use super::{RequestId, X_REQUEST_ID};

    #[test]
    fn a_usable_name_is_taken_and_any_other_replaced() {
        let long = "a".repeat(129);
        for (sent, is_taken) in [
            (&["a-1_2.3:4+5/6=7@8"][..], true),
            (&[&long[..128]], true),
            (&[&long[..]], false),
            (&[""], false),
            (&["a b"], false),
            (&["a\"b"], false),
            (&["a", "b"], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append(X_REQUEST_ID, HeaderValue::from_str(value).unwrap());
            }
            let id = RequestId::of(&headers);
            assert_eq!(sent.first() == Some(&id.as_str()), is_taken, "{sent:?}");
            assert!(is_taken || id.as_str().len() == 36);
        }
    }
}
