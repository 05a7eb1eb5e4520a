//! Running again when files change.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

/// How often files are looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Some files, as they were when they were looked at last.
pub(super) struct Watch<'a> {
    files: Vec<&'a Path>,
    seen: Vec<Option<SystemTime>>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(files: Vec<&'a Path>) -> Self {
        let seen = times(&files);
        Self { files, seen }
    }

    /// Returns when one of them has changed and all are there. A build may remove a file before it writes it anew.
    pub(super) fn wait(&mut self) {
        loop {
            sleep(PERIOD);
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
