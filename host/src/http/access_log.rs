//! What the log says of requests: who asked for what, and how it ended. Neither credentials nor bodies nor queries are in it.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use hyper::Method;
use parking_lot::Mutex;

use super::client_address::ClientAddress;
use super::connections::AddressPause;
use crate::domain::TraceId;

/// Lines of the access log in a second; further requests are counted.
const MAX_LINES_PER_SECOND: u32 = 1_000;
/// Bytes of a path in the access log.
const MAX_PATH_BYTES: usize = 256;

/// The log of one listener's requests.
#[derive(Debug)]
pub(super) struct AccessLog {
    listener: &'static str,
    /// Whether each request gets a line.
    is_on: bool,
    lines: Mutex<Lines>,
    refused: AddressPause,
}

/// The lines of the present second.
#[derive(Debug)]
struct Lines {
    since: Instant,
    written: u32,
    left_out: u64,
}

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Answered<'a> {
    pub(super) peer: IpAddr,
    /// The client, if a trusted proxy names it.
    pub(super) client: Option<ClientAddress>,
    /// Who asked: a tenant or an operator. `None` if the credentials were not checked or not right.
    pub(super) caller: Option<&'a str>,
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) status: u16,
    /// The name of the request.
    pub(super) request_id: &'a str,
    /// The trace that the request belongs to.
    pub(super) trace: Option<TraceId>,
    /// Whether an operator asked to change nothing.
    pub(super) is_dry_run: bool,
    /// Whether this was a health check.
    pub(super) is_check: bool,
    /// Whether the request brought wrong credentials, or none.
    pub(super) is_unauthorized: bool,
    /// Time until the head of the answer was ready.
    pub(super) time: Duration,
}

impl Answered<'_> {
    /// Returns the client as the log names it.
    pub(super) fn client(&self) -> String {
        self.client.map_or_else(|| self.peer.to_canonical().to_string(), |client| client.to_string())
    }

    fn short_path(&self) -> &str {
        self.path.split_at(self.path.floor_char_boundary(MAX_PATH_BYTES)).0
    }
}

impl AccessLog {
    /// Creates the log of the listener called `listener`. Each request gets a line if `is_on`.
    pub(super) fn new(listener: &'static str, is_on: bool) -> Self {
        let lines = Lines { since: Instant::now(), written: 0, left_out: 0 };
        Self { listener, is_on, lines: Mutex::new(lines), refused: AddressPause::default() }
    }

    /// Returns whether each request gets a line.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Logs a request that was answered.
    pub(super) fn answered(&self, answered: &Answered<'_>) {
        let Answered { method, path, status, request_id, trace, .. } = *answered;
        let trace_id = trace.map(tracing::field::display);
        if answered.is_unauthorized {
            self.refused(answered);
        }
        if self.listener == "admin" && answered.caller.is_some() && method != Method::GET && method != Method::HEAD {
            let (client, path) = (answered.client(), answered.short_path());
            let dry_run = answered.is_dry_run.then_some(true);
            tracing::info!(event = "operator_called", client, %method, path, status, dry_run, request_id, trace_id, "an operator's request was answered");
        }
        if !self.is_on || answered.is_check || !self.has_room(Instant::now()) {
            tracing::debug!(event = "request_answered", %method, path, status, request_id, trace_id, "answered");
            return;
        }
        let (listener, client, path) = (self.listener, answered.client(), answered.short_path());
        let (caller, millis) = (answered.caller, millis(answered.time));
        tracing::info!(
            event = "request_answered",
            listener,
            client,
            caller,
            %method,
            path,
            status,
            millis,
            request_id,
            trace_id,
            "answered"
        );
    }

    /// Reports wrong credentials, once a minute for each address.
    fn refused(&self, answered: &Answered<'_>) {
        let address = answered.client.unwrap_or_else(|| ClientAddress::of(answered.peer));
        if self.refused.is_due(address, Instant::now()) {
            tracing::warn!(
                event = "credentials_refused",
                listener = self.listener,
                client = answered.client(),
                method = %answered.method,
                path = answered.short_path(),
                request_id = answered.request_id,
                trace_id = answered.trace.map(tracing::field::display),
                "a request had no credentials or wrong ones"
            );
        }
    }

    /// Returns whether another line may be written in this second.
    fn has_room(&self, now: Instant) -> bool {
        let mut lines = self.lines.lock();
        if now.saturating_duration_since(lines.since) >= Duration::from_secs(1) {
            if lines.left_out > 0 {
                let requests = lines.left_out;
                tracing::warn!(
                    event = "requests_not_logged",
                    requests,
                    "there were too many requests to log each of them"
                );
            }
            *lines = Lines { since: now, written: 0, left_out: 0 };
        }
        if lines.written >= MAX_LINES_PER_SECOND {
            lines.left_out += 1;
            return false;
        }
        lines.written += 1;
        true
    }
}

/// Returns a time in milliseconds with at most three decimals.
fn millis(time: Duration) -> f64 {
    f64::from(u32::try_from(time.as_micros()).unwrap_or(u32::MAX)) / 1e3
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{AccessLog, MAX_LINES_PER_SECOND, millis};

    #[test]
    fn milliseconds_have_three_decimals_at_most() {
        for (nanos, written) in [(12_340_000, "12.34"), (1, "0.0"), (999_999, "0.999"), (1_500_000_000, "1500.0")] {
            let json = serde_json::to_string(&millis(Duration::from_nanos(nanos))).unwrap();
            assert_eq!(json, written, "{nanos}");
        }
        for micros in 0..100_000 {
            let written = millis(Duration::from_micros(micros)).to_string();
            assert!(written.split_once('.').is_none_or(|(_, digits)| digits.len() <= 3), "{written}");
        }
    }

    #[test]
    fn a_flood_of_requests_is_no_flood_of_lines() {
        let log = AccessLog::new("public", true);
        let now = Instant::now();
        let written = |at| (0..MAX_LINES_PER_SECOND * 2).filter(|_| log.has_room(at)).count();
        assert_eq!(written(now), MAX_LINES_PER_SECOND as usize);
        assert_eq!(log.lines.lock().left_out, u64::from(MAX_LINES_PER_SECOND));
        assert_eq!(written(now + Duration::from_millis(900)), 0);
        assert_eq!(written(now + Duration::from_secs(2)), MAX_LINES_PER_SECOND as usize);
    }
}
