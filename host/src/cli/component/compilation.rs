//! What a command says while it compiles a component, which can take a minute.

use std::path::Path;
use std::time::Instant;

use crate::cli::printable::Printable;

/// A compilation that was announced.
pub(super) struct Compilation(Option<Instant>);

impl Compilation {
    /// Says on standard error that a component is going to be compiled, unless its compiled code was kept by an earlier run.
    pub(super) fn announce(file: &Path, bytes: &[u8], is_compiled: bool) -> Self {
        if is_compiled {
            return Self(None);
        }
        let name = Printable::line(file.display());
        let megabytes = bytes.len() as f64 / 1e6;
        eprintln!(
            "compiling {name} ({megabytes:.1} MB), once for each build; one with a language's engine takes up to a minute"
        );
        Self(Some(Instant::now()))
    }

    /// Says how long the compilation took.
    pub(super) fn end(self) {
        if let Self(Some(started)) = self {
            eprintln!("compiled and tried in {:.1} s", started.elapsed().as_secs_f64());
        }
    }
}
