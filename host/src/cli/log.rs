//! The log, written to standard error as text or as JSON.

mod line;

use std::io::{self, IsTerminal as _};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

use line::Lines;

/// The options of the log.
#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// Format of the log: `text`, or `json` with one object per line.
    #[arg(long, value_enum, env = "BULKHEAD_LOG_FORMAT", default_value = "text")]
    log_format: Format,
    /// What is logged: a level (`error`, `warn`, `info`, `debug`, `trace` or `off`), and levels of parts of the program behind
    /// commas, such as `info,bulkhead::jobs=debug`.
    #[arg(long, env = "BULKHEAD_LOG", default_value = "info,deadpool=error,tokio_postgres=warn")]
    log: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl LogArgs {
    /// Starts logging.
    pub(super) fn start(&self) -> Result<(), Box<dyn std::error::Error>> {
        let unusable = |_| {
            format!(
                "'{}' does not say what to log: give --log (or BULKHEAD_LOG) a level (error, warn, info, debug, trace or off), and levels of parts of the program behind commas, such as info,bulkhead::jobs=debug",
                self.log
            )
        };
        let filter = EnvFilter::try_new(&self.log).map_err(unusable)?;
        let builder = tracing_subscriber::fmt().with_env_filter(filter);
        let coloured = io::stderr().is_terminal();
        let started = match self.log_format {
            Format::Text => {
                builder.with_ansi(coloured).with_writer(Lines::Text { coloured }).with_target(false).try_init()
            }
            Format::Json => builder.json().with_writer(Lines::Json).try_init(),
        };
        started.map_err(|error| format!("cannot start logging: {error}"))?;
        if self.is_json() {
            // The usual message of a panic is text.
            std::panic::set_hook(Box::new(|info| {
                let location = info.location().map(ToString::to_string);
                let said = info.payload_as_str().unwrap_or_default();
                tracing::error!(event = "panicked", location, said, "a thread panicked; please report it");
            }));
        }
        Ok(())
    }

    /// Returns whether everything that the server writes is to be JSON.
    pub(super) fn is_json(&self) -> bool {
        matches!(self.log_format, Format::Json)
    }
}
