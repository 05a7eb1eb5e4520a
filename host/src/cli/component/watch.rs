//! Waiting for files to change.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

/// The time between two looks at the files.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Files, and the times at which they were last modified.
pub(super) struct Watch<'a> {
    files: Vec<&'a Path>,
    seen: Vec<Option<SystemTime>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(files: Vec<&'a Path>) -> Self {
        let seen = times(&files);
        Self { files, seen }
    }

    /// Waits until a file has changed and all files exist: a build may remove a file before writing it again.
    pub(super) fn wait(&mut self) {
        loop {
            sleep(POLL_INTERVAL);
            let now = times(&self.files);
            if now != self.seen && now.iter().all(Option::is_some) {
                self.seen = now;
                return;
            }
        }
    }
}

fn times(files: &[&Path]) -> Vec<Option<SystemTime>> {
    files.iter().map(|file| std::fs::metadata(file).and_then(|metadata| metadata.modified()).ok()).collect()
}
