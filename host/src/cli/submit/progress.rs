//! Shows the progress on standard error: as a bar on a terminal, as lines elsewhere.

use std::time::{Duration, Instant};

use bulkhead::harmless_text::one_line;
use bulkhead::plain_words::counted;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Characters that are shown of a job's status.
const MAX_STATUS_CHARS: usize = 40;
/// The time between two lines of progress where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(2);
const BAR: &str = "{bar:40.green/black.bright} {human_pos} of {human_len} {prefix}  {elapsed}  {msg}";

/// Shows the number of processed contacts.
pub(super) struct Progress {
    bar: ProgressBar,
    total: usize,
    last_line: Instant,
}

impl Progress {
    pub(super) fn start(total: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(wide(total)), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(BAR) {
            bar.set_style(style.progress_chars("━╸━"));
        }
        bar.set_prefix(if total == 1 { "contact" } else { "contacts" });
        bar.set_message("sending");
        bar.tick();
        Self { bar, total, last_line: Instant::now() }
    }

    /// Returns what prints a line above the bar.
    pub(super) fn printer(&self) -> impl Fn(&str) + Send + 'static {
        let bar = self.bar.clone();
        move |line| {
            if bar.is_hidden() {
                eprintln!("{line}");
            } else {
                bar.println(line);
            }
        }
    }

    /// Prints a line above the bar.
    pub(super) fn print_line(&self, line: &str) {
        self.printer()(line);
    }

    pub(super) fn at(&mut self, processed: usize, status: &str) {
        self.bar.set_position(wide(processed));
        self.bar.set_message(one_line(&status.replace('_', " "), MAX_STATUS_CHARS));
        self.bar.tick();
        let is_last = processed >= self.total;
        if self.bar.is_hidden() && (is_last || self.last_line.elapsed() >= LINE_INTERVAL) {
            self.last_line = Instant::now();
            eprintln!("{processed} of {}", counted(self.total, "contact"));
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_with_message("done");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.bar.is_finished() {
            self.bar.abandon();
        }
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
