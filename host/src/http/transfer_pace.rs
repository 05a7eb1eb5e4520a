//! The least rate at which bodies must arrive and answers must be taken.

use std::time::Duration;

/// How long a transfer may still stand still. Each byte that moves adds to that time, up to a bound; standing still uses it up.
///
/// A fixed time for the whole transfer would end a large but steady one, and a fixed time for the next byte would let a client
/// hold a connection for ever with one byte at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransferPace {
    /// Bytes per second that suffice for ever.
    bytes_per_second: u64,
    /// The longest time for which a transfer may stand still.
    longest_pause: Duration,
    remaining: Duration,
}

impl TransferPace {
    /// Creates the pace of a transfer that may stand still for `grace` at its beginning, and later for up to `longest_pause`.
    pub(super) fn new(bytes_per_second: u64, grace: Duration, longest_pause: Duration) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), longest_pause, remaining: grace }
    }

    /// Returns how long the transfer may stand still from now on.
    pub(super) fn remaining(&self) -> Duration {
        self.remaining
    }

    /// Notes that the other side let the transfer stand still.
    pub(super) fn stood_still(&mut self, time: Duration) {
        self.remaining = self.remaining.saturating_sub(time);
    }

    /// Notes that bytes moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second;
        self.remaining = self.remaining.saturating_add(Duration::from_nanos(nanos)).min(self.longest_pause);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::TransferPace;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_steady_transfer_goes_on_for_ever_and_a_dripping_one_ends() {
        let begin = || TransferPace::new(1_000, SECOND * 5, SECOND * 30);
        let mut steady = begin();
        for _ in 0..100_000 {
            steady.stood_still(SECOND);
            steady.moved(1_000);
        }
        assert_eq!(steady.remaining(), SECOND * 5);
        let mut dripping = begin();
        for _ in 0..5 {
            dripping.stood_still(SECOND);
            dripping.moved(1);
        }
        assert_eq!(dripping.remaining(), Duration::from_millis(5));
    }

    #[test]
    fn what_moved_fast_buys_no_long_pause() {
        let mut pace = TransferPace::new(1_000, SECOND * 5, SECOND * 30);
        pace.moved(usize::MAX);
        assert_eq!(pace.remaining(), SECOND * 30);
        pace.stood_still(SECOND * 31);
        assert_eq!(pace.remaining(), Duration::ZERO);
    }
}
