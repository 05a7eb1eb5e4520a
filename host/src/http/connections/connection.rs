//! What a connection waits for.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::http::client_address::ClientAddress;
use crate::http::request_shares::RequestShare;

/// Time that a head may take whatever its rate.
const HEAD_GRACE: Duration = Duration::from_secs(5);
/// Bytes of a head that must arrive each second after [`HEAD_GRACE`].
const MIN_HEAD_BYTES_PER_SECOND: u32 = 1_024;

/// A connection, as its listener sees it.
#[derive(Debug)]
pub(in crate::http) struct Connection {
    /// The client; `None` if it is a trusted proxy.
    address: Option<ClientAddress>,
    is_reserved: bool,
    progress: Mutex<Progress>,
    closed: Notify,
}

#[derive(Debug)]
struct Progress {
    phase: Phase,
    /// When the phase began.
    since: Instant,
    /// Bytes of the head that is arriving.
    head_bytes: usize,
    /// Whether the last request has come as a whole.
    is_whole: bool,
    /// Whether a request was answered before.
    is_used: bool,
    /// Whether the answer is complete, but perhaps not sent.
    is_answered: bool,
    /// The request's part of its tenant's share, until the answer is sent.
    share: Option<RequestShare>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// For the first byte of a head.
    Idle,
    /// For the rest of a head.
    Head,
    /// A request is being received and answered; its credentials are not known to be right.
    Stranger,
    /// As `Stranger`, but the credentials are right.
    Known,
    /// For the client, which has its answer, to stop sending. What it sends is discarded.
    Lingering,
    Closed,
}

impl Connection {
    pub(in crate::http) fn new(address: Option<ClientAddress>, is_reserved: bool, now: Instant) -> Self {
        let progress = Progress {
            phase: Phase::Idle,
            since: now,
            head_bytes: 0,
            is_whole: true,
            is_used: false,
            is_answered: false,
            share: None,
        };
        Self { address, is_reserved, progress: Mutex::new(progress), closed: Notify::new() }
    }

    /// Returns the client; `None` if it is a trusted proxy.
    pub(in crate::http) fn address(&self) -> Option<ClientAddress> {
        self.address
    }

    /// Returns whether the connection is served only health checks.
    pub(in crate::http) fn is_reserved(&self) -> bool {
        self.is_reserved
    }

    /// Learns that bytes arrived, that the head which is arriving has so many bytes now (0 if none is), and whether the last
    /// request has come as a whole.
    pub(in crate::http) fn received(&self, head_bytes: usize, is_whole: bool, now: Instant) {
        let mut progress = self.progress.lock();
        progress.head_bytes = head_bytes;
        progress.is_whole = is_whole;
        if progress.phase == Phase::Idle && head_bytes > 0 {
            progress.enter(Phase::Head, now);
        }
    }

    /// Learns that a head is complete and its request is being answered.
    pub(in crate::http) fn begin_request(&self, now: Instant) {
        let mut progress = self.progress.lock();
        progress.is_answered = false;
        progress.is_used = true;
        if progress.phase != Phase::Closed {
            progress.enter(Phase::Stranger, now);
        }
    }

    /// Learns that the request's credentials are right, and holds its share until the answer is sent. Returns whether
    /// the request may go on; it may not if the connection was closed.
    pub(in crate::http) fn authenticated(&self, share: Option<RequestShare>) -> bool {
        let mut progress = self.progress.lock();
        if progress.phase == Phase::Stranger {
            progress.phase = Phase::Known;
            progress.share = share;
        }
        progress.phase != Phase::Closed
    }

    /// Learns that the answer is complete, but perhaps not sent.
    pub(in crate::http) fn answered(&self) {
        self.progress.lock().is_answered = true;
    }

    /// Learns that everything that was to be sent is sent. `head_bytes` is as in [`Self::received`].
    pub(in crate::http) fn flushed(&self, head_bytes: usize, now: Instant) {
        let mut progress = self.progress.lock();
        if std::mem::take(&mut progress.is_answered) && progress.phase != Phase::Closed {
            progress.head_bytes = head_bytes;
            progress.share = None;
            progress.enter(if head_bytes > 0 { Phase::Head } else { Phase::Idle }, now);
        }
    }

    /// Learns that the server's side has ended, and that what the client still sends is discarded.
    pub(in crate::http) fn begin_lingering(&self, now: Instant) {
        let mut progress = self.progress.lock();
        progress.share = None;
        if progress.phase != Phase::Closed {
            progress.enter(Phase::Lingering, now);
        }
    }

    /// Returns whether the last request has come as a whole, with its body.
    pub(in crate::http) fn has_whole_request(&self) -> bool {
        self.progress.lock().is_whole
    }

    /// Returns whether a request is being received or answered.
    pub(in crate::http) fn is_answering(&self) -> bool {
        matches!(self.progress.lock().phase, Phase::Stranger | Phase::Known)
    }

    /// Returns how long the connection has waited for its client; `None` if it must not be closed.
    pub(super) fn waiting_time(&self, now: Instant) -> Option<Duration> {
        let progress = self.progress.lock();
        let waits = !matches!(progress.phase, Phase::Known | Phase::Closed);
        waits.then(|| now.saturating_duration_since(progress.since))
    }

    /// Returns whether the client has had time to send its first request, or has sent it.
    pub(super) fn is_old(&self, now: Instant, grace: Duration) -> bool {
        let progress = self.progress.lock();
        let is_idle_again = progress.is_used && progress.phase == Phase::Idle;
        let is_answered = is_idle_again || progress.phase == Phase::Lingering;
        is_answered || now.saturating_duration_since(progress.since) > grace
    }

    /// Returns whether the connection has waited too long for its client. A head must arrive within `header_timeout` and,
    /// after some seconds, at a least rate. Requests in progress, and connections whose answer was
    /// sent, have their own limits.
    pub(super) fn is_overdue(&self, now: Instant, header_timeout: Duration, idle_timeout: Duration) -> bool {
        let progress = self.progress.lock();
        let waited = now.saturating_duration_since(progress.since);
        match progress.phase {
            Phase::Idle => waited > if progress.is_used { idle_timeout } else { header_timeout },
            Phase::Head => {
                let bytes = u32::try_from(progress.head_bytes).unwrap_or(u32::MAX);
                let earned = Duration::from_secs(1) * bytes / MIN_HEAD_BYTES_PER_SECOND;
                waited > header_timeout.min(HEAD_GRACE + earned)
            }
            Phase::Stranger | Phase::Known | Phase::Lingering | Phase::Closed => false,
        }
    }

    /// Closes the connection if that cuts off no request of a client that has shown its credentials. Returns whether it did.
    pub(super) fn close(&self) -> bool {
        let mut progress = self.progress.lock();
        if matches!(progress.phase, Phase::Known | Phase::Closed) {
            return false;
        }
        progress.phase = Phase::Closed;
        self.closed.notify_one();
        true
    }

    /// Waits until the connection is to be closed.
    pub(in crate::http) async fn closing(&self) {
        self.closed.notified().await;
    }

    #[cfg(test)]
    pub(super) fn is_closed(&self) -> bool {
        self.progress.lock().phase == Phase::Closed
    }
}

impl Progress {
    fn enter(&mut self, phase: Phase, now: Instant) {
        self.phase = phase;
        self.since = now;
    }
}
