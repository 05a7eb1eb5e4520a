//! The server's clock. All of the server reads the time here.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// The wall clock, which tests can move forwards.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_file: Option<PathBuf>,
}

impl Clock {
    /// Returns the machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Returns the machine's clock plus a number of seconds, which is read from `file` each time. An unreadable file
    /// counts as 0 seconds. This is for tests of expiry: a server in production has no such file.
    pub fn shifted_by(file: PathBuf) -> Self {
        Self { offset_file: Some(file) }
    }

    /// Returns the present moment.
    pub fn now(&self) -> Timestamp {
        machine_time().after(self.shift())
    }

    /// Returns how far the clock is moved forwards.
    pub(crate) fn shift(&self) -> Duration {
        let seconds = self
            .offset_file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        Duration::from_secs(seconds)
    }
}

/// Returns the present moment by the machine's own clock.
pub(crate) fn machine_time() -> Timestamp {
    Timestamp(0).after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}
