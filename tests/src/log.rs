//! What a server says on its standard error, line by line, as it says it.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    ended: bool,
}

/// The log so far. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Lines>, Condvar)>);

impl Log {
    /// Reads `source` to its end on a thread of its own.
    pub(crate) fn follow(&self, source: impl Read + Send + 'static) {
        let log = self.clone();
        log.lock().ended = false;
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                log.lock().lines.push(line);
                log.0.1.notify_all();
            }
            log.lock().ended = true;
            log.0.1.notify_all();
        });
    }

    pub(crate) fn text(&self) -> String {
        self.lock().lines.join("\n")
    }

    /// The first line that is JSON and of which `wanted` is true, from the line numbered `from` on; and the number of
    /// the line after it.
    pub(crate) fn wait_for(
        &self,
        from: usize,
        timeout: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Option<(Value, usize)> {
        let deadline = Instant::now() + timeout;
        let mut next = from;
        let mut lines = self.lock();
        loop {
            while let Some(line) = lines.lines.get(next) {
                next += 1;
                if let Some(entry) = serde_json::from_str(line).ok().filter(&wanted) {
                    return Some((entry, next));
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if lines.ended || left.is_zero() {
                return None;
            }
            lines = self.0.1.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().lines.len()
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
