//! Who acts, and from where.

use super::short;

/// Who acts, and from where.
#[derive(Debug, Clone)]
pub struct Operator {
    pub(super) who: String,
    pub(super) way: Way,
    pub(super) origin: Option<String>,
    pub(super) request_id: Option<String>,
}

/// The way by which an operator acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    CommandLine,
    Http,
    Console,
}

impl Way {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::CommandLine => "command_line",
            Self::Http => "http",
            Self::Console => "console",
        }
    }
}

impl Operator {
    /// An operator at a command line: the user, and the machine.
    pub fn at_command_line(user: &str, machine: Option<&str>) -> Self {
        Self { who: short(user), way: Way::CommandLine, origin: machine.map(short), request_id: None }
    }

    /// An operator who sends a request: whose token it has, the client's address, and the request's id.
    pub fn over_http(who: &str, address: Option<&str>, request_id: Option<&str>) -> Self {
        Self { who: short(who), way: Way::Http, origin: address.map(short), request_id: request_id.map(short) }
    }

    /// An operator who uses the console: as [`Self::over_http`].
    pub fn in_console(who: &str, address: Option<&str>, request_id: Option<&str>) -> Self {
        Self { way: Way::Console, ..Self::over_http(who, address, request_id) }
    }
}
