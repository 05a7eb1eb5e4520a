//! Whose the cluster is: PostgreSQL refuses to be root's. What is no cluster is whoever's who runs this.

use std::path::Path;
use std::process::Command;

/// Who runs PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) enum Account {
    /// Whoever runs this.
    Own,
    /// Somebody with fewer rights, as root runs this.
    Other {
        /// Their number.
        user: u32,
        /// Their group's.
        group: u32,
    },
    /// Whoever runs this, where they are taken for root: in a namespace with users of its own.
    Mapped {
        /// Their number elsewhere.
        user: u32,
        /// Their group's.
        group: u32,
    },
}

impl Account {
    /// # Panics
    /// If root runs this and there is neither a user `postgres` nor one `nobody`.
    pub(crate) fn choose() -> Self {
        if number(&["-u"]) != Some(0) {
            return Self::Own;
        }
        let of = |name| Some(Self::Other { user: number(&["-u", name])?, group: number(&["-g", name])? });
        of("postgres").or_else(|| of("nobody")).expect("PostgreSQL does not run as root: there must be a user 'nobody'")
    }

    /// Whoever runs this, for what root may own.
    pub(crate) fn of_caller() -> Self {
        if number(&["-u"]) == Some(0) { Self::Other { user: 0, group: 0 } } else { Self::Own }
    }

    /// The same account in a namespace where root is whoever made it.
    pub(crate) fn where_mapped(&self) -> Self {
        let number = |flag| number(&[flag]).expect("whoever runs this has a number");
        match self {
            Self::Own => Self::Mapped { user: number("-u"), group: number("-g") },
            other => other.clone(),
        }
    }

    /// Gives a file or folder to this account.
    pub(crate) fn give(&self, path: &Path) {
        if let Self::Other { user, group } = self {
            std::os::unix::fs::chown(path, Some(*user), Some(*group)).expect("root can give folders away");
        }
    }

    /// A program and its first arguments as words to be run by this account.
    pub(crate) fn words(&self, program: &Path) -> Vec<String> {
        let mut words = match self {
            Self::Own => Vec::new(),
            Self::Mapped { user, group } => {
                vec!["unshare".into(), "--user".into(), format!("--map-user={user}"), format!("--map-group={group}")]
            }
            Self::Other { user, group } => {
                vec!["setpriv".into(), format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()]
            }
        };
        words.push(program.display().to_string());
        words
    }
}

fn number(args: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(args).output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
