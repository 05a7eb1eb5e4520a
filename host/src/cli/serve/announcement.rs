//! What a server tells the process that started it, on standard output: where it listens. In the format of the log, so that both
//! can be one stream.

use std::io::Write as _;

use bulkhead::clock::Clock;
use serde_json::json;

use super::listeners::Listener;
use crate::cli::printable::{Printable, escape_json};

/// How announcements are written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Announcements {
    /// As text.
    Text,
    /// As JSON, like lines of the log.
    Json,
}

impl Announcements {
    /// Announces that a listener listens at a URL. A closed standard output is no reason to stop.
    pub(super) fn listening(self, listener: Listener, url: &str, message: &str) {
        let line = match self {
            Self::Text => Printable::line(message).to_string(),
            Self::Json => {
                let event = "listening";
                let fields = json!({"message": message, "event": event, "listener": listener.to_string(), "url": url});
                let timestamp = Clock::system().now().to_rfc3339();
                let entry = json!({"timestamp": timestamp, "level": "INFO", "fields": fields, "target": "bulkhead"});
                escape_json(entry.to_string())
            }
        };
        let mut out = std::io::stdout().lock();
        drop(writeln!(out, "{line}").and_then(|()| out.flush()));
    }
}
