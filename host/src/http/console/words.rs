//! Numbers and times as people read them.

use std::time::Duration;

use maud::{Markup, html};

use crate::domain::{Job, JobState, Timestamp};
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
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
        _ => format!("{}.{} GB", grouped(bytes / 1_000_000_000), bytes % 1_000_000_000 / 100_000_000),
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

/// Returns a moment to the second, as `2026-11-30 19:05:12`.
pub(super) fn exact_moment(moment: Timestamp) -> String {
    let text = moment.to_rfc3339();
    text.get(..19).map_or_else(|| text.clone(), |text| text.replace('T', " "))
}

/// Returns the time of day of a moment, as `19:05:12`.
pub(super) fn clock(moment: Timestamp) -> String {
    let text = moment.to_rfc3339();
    text.get(11..19).map_or_else(|| text.clone(), str::to_owned)
}

/// Returns a time that something took, however short.
pub(super) fn short_time(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..10_000 => format!("{}.{} ms", micros / 1_000, micros % 1_000 / 100),
        micros @ 10_000..1_000_000 => format!("{} ms", micros / 1_000),
        micros @ 1_000_000..120_000_000 => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
        _ => duration(time.as_secs()),
    }
}

/// Returns what a job is.
pub(super) fn job_kind(job: &Job) -> &'static str {
    match (job.dry_run, job.undoes, &job.source) {
        (Some(_), _, _) if job.group.is_some() => "Check of a part",
        (Some(_), _, _) => "Check",
        (_, Some(_), _) => "Undo",
        (_, _, Some(_)) => "File",
        _ if job.applies.is_some() => "Applied check",
        _ => "From a program",
    }
}

/// Returns a job's state in words, beside a colour.
pub(super) fn job_state(job: &Job) -> Markup {
    let (kind, words) = match (job.state, job.cancelled_at) {
        (JobState::Queued, _) => ("waiting", "waiting"),
        (JobState::InProgress, _) => ("running", "in progress"),
        (JobState::Completed, Some(_)) => ("stopped", "stopped"),
        (JobState::Completed, None) if job.counts.failed == job.total && job.total > 0 => {
            ("stopped", "done, all refused")
        }
        (JobState::Completed, None) if job.counts.failed > 0 => ("partly", "done, some refused"),
        (JobState::Completed, None) => ("done", "done"),
    };
    html! { span.state data-state=(kind) { (words) } }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{clock, count, duration, exact_moment, short_time, size};
    use crate::domain::Timestamp;

    #[test]
    fn numbers_have_nouns() {
        assert_eq!((count(1, "row", "rows"), count(2_000, "row", "rows")), ("1 row".into(), "2,000 rows".into()));
        for (bytes, text) in [(1, "1 byte"), (1_500, "1 kB"), (64 << 20, "67.1 MB"), (64 << 40, "70,368.7 GB")] {
            assert_eq!(size(bytes), text);
        }
        for (seconds, text) in [(0, "a second"), (90, "90 seconds"), (125, "3 minutes"), (7_201, "3 hours")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn times_are_as_exact_as_they_are_short() {
        for (micros, text) in
            [(0, "0.0 ms"), (1_250, "1.2 ms"), (25_000, "25 ms"), (1_250_000, "1.2 s"), (125_000_000, "3 minutes")]
        {
            assert_eq!(short_time(Duration::from_micros(micros)), text);
        }
        let moment = Timestamp(1_790_000_000_000_000);
        assert_eq!((exact_moment(moment), clock(moment)), ("2026-09-21 14:13:20".into(), "14:13:20".into()));
    }
}
