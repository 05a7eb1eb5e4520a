//! Where the value of an option comes from.

use std::fmt;
use std::path::PathBuf;

/// Where the value of an option comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Origin {
    /// The command line.
    CommandLine,
    /// The environment variable with this name.
    Environment(String),
    /// A line of the configuration file.
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// The number of the line, from 1 on.
        line: usize,
    },
    /// The file of a secret, which an option names.
    SecretFile(PathBuf),
    /// A credential of systemd, which is in this file.
    Credential(PathBuf),
    /// Nobody gave a value.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => formatter.write_str("command line"),
            Self::Environment(name) => write!(formatter, "environment {name}"),
            Self::ConfigFile { path, line } => write!(formatter, "{}, line {line}", path.display()),
            Self::SecretFile(path) => write!(formatter, "file {}", path.display()),
            Self::Credential(path) => write!(formatter, "credential {}", path.display()),
            Self::Default => formatter.write_str("default"),
        }
    }
}
