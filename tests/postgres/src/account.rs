//! The user that a cluster runs as. PostgreSQL refuses to run as root.

use std::path::Path;
use std::process::Command;

/// The user that a program runs as.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// The caller.
    Caller,
    /// Another user, because the caller is root.
    Other {
        /// The user's id.
        user: u32,
        /// The group's id.
        group: u32,
    },
    /// The caller in a user namespace that maps the caller to root.
    Mapped {
        /// The user's id outside of the namespace.
        user: u32,
        /// The group's id outside of the namespace.
        group: u32,
    },
}

impl Account {
    /// Chooses the user for a cluster.
    ///
    /// # Panics
    /// If the caller is root and there is neither a user `postgres` nor a user `nobody`.
    pub(crate) fn choose() -> Self {
        if !Self::is_root() {
            return Self::Caller;
        }
        let of = |name| Some(Self::Other { user: id(&["-u", name])?, group: id(&["-g", name])? });
        of("postgres").or_else(|| of("nobody")).expect("PostgreSQL does not run as root: there must be a user 'nobody'")
    }

    /// Returns whether the caller is root.
    pub(crate) fn is_root() -> bool {
        id(&["-u"]) == Some(0)
    }

    /// Returns the caller, for files that root may own.
    pub(crate) fn of_caller() -> Self {
        if Self::is_root() { Self::Other { user: 0, group: 0 } } else { Self::Caller }
    }

    /// Returns the same user as seen from a user namespace that maps the caller to root.
    pub(crate) fn in_namespace(&self) -> Self {
        let id = |flag| id(&[flag]).expect("the caller has an id");
        match self {
            Self::Caller => Self::Mapped { user: id("-u"), group: id("-g") },
            other => other.clone(),
        }
    }

    /// Gives a file or folder to this user.
    pub(crate) fn give(&self, path: &Path) {
        if let Self::Other { user, group } = self {
            std::os::unix::fs::chown(path, Some(*user), Some(*group)).expect("root can change owners");
        }
    }

    /// Returns the command line that runs a program as this user.
    pub(crate) fn command_line(&self, program: &Path) -> Vec<String> {
        let mut line = match self {
            Self::Caller => Vec::new(),
            Self::Mapped { user, group } => {
                vec!["unshare".into(), "--user".into(), format!("--map-user={user}"), format!("--map-group={group}")]
            }
            Self::Other { user, group } => {
                vec!["setpriv".into(), format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]
            }
        };
        line.push(program.display().to_string());
        line
    }
}

/// Returns the number that `id` prints.
fn id(args: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(args).output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
