//! The process that reads or compiles one component: the component on its standard input, one line of JSON and the compiled
//! code on its standard output.

use std::io::{self, Read, Write};
use std::str::FromStr;

use super::confinement::Confinement;
use super::report::Report;
use super::{compile_here, sha256};
use crate::sandbox::engine;
use crate::sandbox::inspect::read_contents;

/// What the process is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompilerTask {
    /// Read what the component contains.
    Inspect,
    /// Compile it.
    Compile,
}

impl CompilerTask {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Compile => "compile",
        }
    }

    /// Does the task in this process, from standard input to standard output, after giving up what the task does not need.
    ///
    /// # Errors
    /// If the limits cannot be set, the process that started this one is gone, or the other side does not read.
    pub fn run(self, confinement: &Confinement) -> io::Result<()> {
        confinement.limit_resources()?;
        let engine = engine::for_compiling().map_err(|error| io::Error::other(error.to_string()))?;
        confinement.filter_system_calls();
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes)?;
        let mut code = Vec::new();
        let report = match self {
            Self::Inspect => read_contents(&bytes).map_or_else(Report::Refused, Report::Contents),
            Self::Compile => match compile_here(&engine, &bytes) {
                Ok(compiled) => {
                    code = compiled;
                    let (bytes, sha256) = (code.len() as u64, sha256(&code));
                    Report::Compiled { engine: engine::fingerprint(&engine), bytes, sha256 }
                }
                Err(reason) => Report::Invalid(reason),
            },
        };
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &report)?;
        out.write_all(b"\n")?;
        out.write_all(&code)?;
        out.flush()
    }
}

impl FromStr for CompilerTask {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Inspect, Self::Compile]
            .into_iter()
            .find(|task| task.as_str() == text)
            .ok_or("the task is 'inspect' or 'compile'")
    }
}
