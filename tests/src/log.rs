//! A server's log, line by line as the server writes it.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde_json::Value;

#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    /// Processes whose output is still read. After a restart the old one's reader can end late.
    sources: usize,
}

/// The log of a server so far, over all its restarts. Cheap to clone.
#[derive(Clone, Default)]
pub struct Log(Arc<(Mutex<Lines>, Condvar)>);

impl Log {
    /// Reads `source` to its end on another thread, which this returns.
    pub(crate) fn follow(&self, source: impl Read + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        log.0.0.lock().sources += 1;
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                log.0.0.lock().lines.push(line);
                log.0.1.notify_all();
            }
            log.0.0.lock().sources -= 1;
            log.0.1.notify_all();
        })
    }

    /// Returns all lines.
    pub fn text(&self) -> String {
        self.0.0.lock().lines.join("\n")
    }

    /// Returns the number of lines.
    pub fn len(&self) -> usize {
        self.0.0.lock().lines.len()
    }

    /// Returns whether the log has no line.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the fields of all entries from the line numbered `from` on.
    pub fn entries(&self, from: usize) -> Vec<Value> {
        let lines = self.0.0.lock();
        let entry = |line: &String| Some(serde_json::from_str::<Value>(line).ok()?["fields"].take());
        lines.lines.iter().skip(from).filter_map(entry).collect()
    }

    /// Returns the fields of all entries of an event.
    pub fn events(&self, event: &str) -> Vec<Value> {
        self.entries(0).into_iter().filter(|fields| fields["event"] == event).collect()
    }

    /// Waits for an entry for whose fields `wanted` is true, from the line numbered `from` on. Returns the fields and the
    /// number of the next line; `None` if the time is over or the server has ended.
    pub fn wait_for(&self, from: usize, timeout: Duration, wanted: impl Fn(&Value) -> bool) -> Option<(Value, usize)> {
        let deadline = Instant::now() + timeout;
        let mut next = from;
        let mut lines = self.0.0.lock();
        loop {
            while let Some(line) = lines.lines.get(next) {
                next += 1;
                let fields = serde_json::from_str::<Value>(line).map(|mut entry| entry["fields"].take());
                if let Some(fields) = fields.ok().filter(&wanted) {
                    return Some((fields, next));
                }
            }
            if lines.sources == 0 || self.0.1.wait_until(&mut lines, deadline).timed_out() {
                return None;
            }
        }
    }
}
