//! The one place where the host asks what time it is.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// The wall clock, which an operator's test may move forwards.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_file: Option<PathBuf>,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// The machine's clock plus the whole seconds that `file` holds at the time of asking (none if it cannot be read).
    /// For tests of expiry; a real service has no such file.
    pub fn shifted_by(file: PathBuf) -> Self {
        Self { offset_file: Some(file) }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        machine_time().after(self.shift())
    }

    /// How far it is moved forwards.
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

/// The present moment by the machine's own clock.
pub(crate) fn machine_time() -> Timestamp {
    Timestamp(0).after(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))
}
