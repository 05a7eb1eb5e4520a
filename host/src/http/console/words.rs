//! Numbers and times as people read them.

use crate::domain::Timestamp;
use crate::plain_words::grouped;

/// Returns a number with the noun for it.
pub(super) fn count(value: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(value), if value == 1 { one } else { several })
}

/// Returns a size.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => count(bytes, "byte", "bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

/// Returns how long something takes.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..2 => String::from("a second"),
        2..120 => format!("{seconds} seconds"),
        120..7_200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

/// Returns a moment as `2026-11-30 19:05`, in UTC.
pub(super) fn moment(moment: Timestamp) -> String {
    let text = moment.to_rfc3339();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", time.get(..5).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::{count, duration, size};

    #[test]
    fn numbers_have_nouns() {
        assert_eq!((count(1, "row", "rows"), count(2_000, "row", "rows")), ("1 row".into(), "2,000 rows".into()));
        for (bytes, text) in [(1, "1 byte"), (1_500, "1 kB"), (64 << 20, "67.1 MB")] {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [(0, "a second"), (90, "90 seconds"), (125, "3 minutes"), (7_201, "3 hours")] {
            assert_eq!(duration(seconds), text);
        }
    }
}
