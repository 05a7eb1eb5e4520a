//! `Prefer: wait=N`, by RFC 7240: how long a client wants the server to wait for a job.
//!
//! As the RFC says, a preference that the server cannot read is no error, and of several values the first counts. What the server
//! did, it says by `Preference-Applied`.

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, RETRY_AFTER};
use tokio::time::Instant;

use super::reply::{Reply, vary};

const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Seconds that a request waits at most, whatever the client wants. Many proxies cut off what waits for a minute.
const MAX_SECONDS: u64 = 30;

/// How long a request is to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wait {
    seconds: u64,
}

impl Wait {
    /// Reads what a client wants; `None` if it wants no wait.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let wanted = values.flat_map(preferences).find_map(|preference| {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            name.trim().eq_ignore_ascii_case("wait").then_some(value)
        })?;
        let seconds = seconds(wanted)?.min(MAX_SECONDS);
        (seconds > 0).then_some(Self { seconds })
    }

    /// Returns when a wait that begins now is over.
    pub(super) fn deadline(self) -> Instant {
        Instant::now() + Duration::from_secs(self.seconds)
    }

    /// Returns the value of `Preference-Applied`.
    pub(super) fn applied(self) -> HeaderValue {
        HeaderValue::from_str(&format!("wait={}", self.seconds)).unwrap_or(HeaderValue::from_static("wait"))
    }

    /// Says in an answer that the server waited. A client that has waited need not pause before it asks again.
    pub(super) fn mark(self, mut reply: Reply) -> Reply {
        reply.headers_mut().insert(PREFERENCE_APPLIED, self.applied());
        reply.headers_mut().remove(RETRY_AFTER);
        vary(&mut reply, PREFER);
        reply
    }
}

/// Returns the preferences of a header, each without its parameters.
fn preferences(value: &str) -> impl Iterator<Item = &str> {
    split_outside_quotes(value, ',').filter_map(|preference| split_outside_quotes(preference, ';').next())
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |character: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match character {
            '"' if !was_escaped => is_quoted = !is_quoted,
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            _ => {}
        }
        !is_quoted && character == separator
    })
}

/// Reads a number of seconds, which may be in quotes. A number that is too large for 64 bits is the largest one.
fn seconds(value: &str) -> Option<u64> {
    let value = value.trim();
    let digits = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{HeaderName, HeaderValue};

    use super::Wait;

    #[test]
    fn a_wait_is_read_as_the_rfc_has_it() {
        for (lines, expected) in [
            (&["wait=10"][..], Some(10)),
            (&["Wait = 10"], Some(10)),
            (&["wait=\"10\""], Some(10)),
            (&["respond-async, wait=10"], Some(10)),
            (&["respond-async,wait=10;x=y, return=minimal"], Some(10)),
            (&["respond-async", "wait=10"], Some(10)),
            (&["foo=\"a,wait=5\", wait=10"], Some(10)),
            (&["foo=\"a\\\",wait=5\", wait=10"], Some(10)),
            (&["foo;wait=5, wait=10"], Some(10)),
            (&[", ,wait=10,"], Some(10)),
            (&["wait=30"], Some(30)),
            (&["wait=31"], Some(30)),
            (&["wait=99999999999999999999999"], Some(30)),
            (&["wait=1, wait=10"], Some(1)),
            (&["wait=1", "wait=10"], Some(1)),
            (&["wait=x, wait=10"], None),
            (&["wait=0"], None),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=-1"], None),
            (&["wait=1.5"], None),
            (&["wait=1s"], None),
            (&["waits=10"], None),
            (&["foo=\"wait=10"], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(HeaderName::from_static("prefer"), HeaderValue::from_static(line));
            }
            assert_eq!(Wait::of(&headers).map(|wait| wait.seconds), expected, "{lines:?}");
        }
    }
}
