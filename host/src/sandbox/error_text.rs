//! Texts about a guest's failure, bounded before they are formatted. A guest chooses the names of its functions, imports and
//! exports, and they can be megabytes long: no host code formats, demangles or logs such a name whole.

use std::fmt::{self, Display, Write as _};

use wasmtime::WasmBacktrace;

use crate::harmless_text::is_unprintable;
use crate::plain_words::grouped;

/// Bytes of one error's text, without the backtrace.
const MAX_ERROR_BYTES: usize = 2 << 10;
/// Bytes of a function's name in a backtrace.
const MAX_NAME_BYTES: usize = 120;
/// Bytes of a backtrace in all.
const MAX_BACKTRACE_BYTES: usize = 4 << 10;

/// Returns the text of an error and its causes, at most 2 KiB, and of the guest's backtrace, at most 4 KiB.
///
/// It replaces wasmtime's own formatting, which writes function names whole.
pub(super) fn describe(error: &wasmtime::Error) -> String {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    // wasmtime attaches the backtrace as one of the causes. It is written below, in our own form.
    let skipped = backtrace.map(|backtrace| bounded(backtrace, MAX_NAME_BYTES));
    let mut text = String::new();
    for cause in error.chain() {
        let room = MAX_ERROR_BYTES.saturating_sub(text.len());
        let is_backtrace = skipped.as_ref().is_some_and(|skipped| *skipped == bounded(cause, MAX_NAME_BYTES));
        if room == 0 || is_backtrace {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&one_line(&bounded(cause, room)));
    }
    if let Some(backtrace) = backtrace {
        push_frames(&mut text, backtrace);
    }
    text
}

fn push_frames(text: &mut String, backtrace: &WasmBacktrace) {
    let end = text.len() + MAX_BACKTRACE_BYTES;
    for (place, frame) in backtrace.frames().iter().enumerate() {
        let name = frame.func_name().map_or_else(String::new, |name| bounded(name.escape_debug(), MAX_NAME_BYTES));
        let line = format!("\n  {place}: function {} {name}", frame.func_index());
        if text.len() + line.len() > end {
            return;
        }
        text.push_str(line.trim_end());
    }
}

/// Returns what a size is, and what it may be, as in `1,001 of 1,000 bytes`.
pub(super) fn of_limit(size: usize, limit: usize, unit: &str) -> String {
    format!("{} of {} {unit}", grouped(size), grouped(limit))
}

/// Returns what a guest printed as lines that cannot be taken for the host's own.
pub(super) fn quoted(printed: &str) -> String {
    printed.lines().map(|line| format!("  | {}", one_line(line))).collect::<Vec<_>>().join("\n")
}

/// Returns a text with its unprintable characters escaped.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// Returns the first `limit` bytes of the text of `value`, with `…` in place of the rest. Formatting stops there, so the rest
/// is not produced at all.
pub(super) fn bounded(value: impl Display, limit: usize) -> String {
    let mut cut = Cut { text: String::new(), left: limit };
    if write!(cut, "{value}").is_err() {
        cut.text.push('…');
    }
    cut.text
}

/// A text that accepts `left` more bytes and then fails.
struct Cut {
    text: String,
    left: usize,
}

impl fmt::Write for Cut {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let end = more.floor_char_boundary(self.left);
        let (taken, rest) = more.split_at(end);
        self.text.push_str(taken);
        self.left -= taken.len();
        if rest.is_empty() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::{bounded, describe, of_limit, quoted};

    #[test]
    fn a_size_beyond_its_limit_is_shown_with_the_limit() {
        for (size, limit, text) in
            [(7, 0, "7 of 0 bytes"), (1_001, 1_000, "1,001 of 1,000 bytes"), (1_234_567, 999, "1,234,567 of 999 bytes")]
        {
            assert_eq!(of_limit(size, limit, "bytes"), text);
        }
    }

    #[test]
    fn what_a_guest_prints_forges_no_line_and_moves_no_cursor() {
        let quoted = quoted("a\u{1b}[2J\u{202e}b\nbulkhead: fine\r\u{7}");
        assert_eq!(quoted, "  | a\\u{1b}[2J\\u{202e}b\n  | bulkhead: fine\\r\\u{7}");
    }

    #[test]
    fn a_text_is_cut_at_a_character_and_marked() {
        for (text, limit, expected) in
            [("", 0, ""), ("abc", 3, "abc"), ("abc", 2, "ab…"), ("äöü", 3, "ä…"), ("x", 0, "…")]
        {
            assert_eq!(bounded(text, limit), expected, "{text} to {limit}");
        }
    }

    #[test]
    fn an_error_is_described_with_its_causes_within_bounds() {
        let error = wasmtime::Error::msg("no memory").context("it did not start");
        assert_eq!(describe(&error), "it did not start: no memory");
        assert!(describe(&error.context("x".repeat(1 << 20))).len() < 3_000);
    }
}
