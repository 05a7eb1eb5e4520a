//! When a message that was not taken is sent again.

use std::time::Duration;

/// The pauses before the second and each further attempt, as Standard Webhooks has them: four days in all.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(5 * 60 * 60),
    Duration::from_secs(10 * 60 * 60),
    Duration::from_secs(14 * 60 * 60),
    Duration::from_secs(20 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
];
/// The longest pause that an endpoint can ask for.
const MAX_ASKED_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// What follows an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another attempt after this time.
    After(Duration),
    /// No attempt any more.
    Never,
}

/// Returns what follows when `attempts` attempts failed. `asked` is what the endpoint asked for by `Retry-After`. `jitter`, from 0 to
/// 1, spreads attempts over a tenth of the pause, so that what failed together is not sent again together.
pub fn next_attempt(attempts: u32, asked: Option<Duration>, jitter: f64) -> Next {
    let place = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
    let Some(pause) = PAUSES.get(place) else { return Next::Never };
    let pause = pause.mul_f64(1.0 + jitter.clamp(0.0, 1.0) / 10.0);
    Next::After(pause.max(asked.unwrap_or_default().min(MAX_ASKED_PAUSE)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Next, next_attempt};

    #[test]
    fn attempts_follow_the_schedule_of_the_specification() {
        let seconds =
            |attempts, asked: Option<u64>, jitter| match next_attempt(attempts, asked.map(Duration::from_secs), jitter)
            {
                Next::After(pause) => Some(pause.as_secs()),
                Next::Never => None,
            };
        let all: Vec<_> = (1..=10).map(|attempts| seconds(attempts, None, 0.0)).collect();
        let hour = 3_600;
        let expected = [5, 300, 1_800, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour];
        assert_eq!(all[..9], expected.map(Some));
        assert_eq!(all[9], None);
        assert_eq!(seconds(2, None, 1.0), Some(330));
        // An endpoint can ask for a longer pause, of a day at most, and for none that is shorter.
        assert_eq!(seconds(2, Some(600), 0.0), Some(600));
        assert_eq!(seconds(2, Some(1), 0.0), Some(300));
        assert_eq!(seconds(1, Some(u64::MAX), 0.0), Some(24 * hour));
        assert_eq!(seconds(10, Some(1), 0.0), None);
    }
}
