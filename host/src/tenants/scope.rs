//! What the clients of a secret may do.

use std::fmt;
use std::str::FromStr;

/// What the clients of a secret, and of the tokens that were issued with it, may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Everything that a client of the tenant can do.
    #[default]
    Full,
    /// Read contacts, jobs and webhooks, and change nothing.
    Read,
    /// Send jobs, and read, cancel and delete those whose ids the client knows. It sees no contact that was stored.
    Submit,
}

/// What a call does, as far as scopes differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Shows what the sender of a job must know: the job by its id, fields, limits.
    Look,
    /// Shows what is stored: contacts, all jobs, webhooks.
    Read,
    /// Makes a job, or ends one.
    Submit,
    /// Changes what is stored, and may show it.
    Change,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 3] = [Self::Full, Self::Read, Self::Submit];

    /// Returns the scope's name, by which it is stored and given.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Read => "read",
            Self::Submit => "submit",
        }
    }

    /// Returns whether a client with this scope may send such a call.
    pub fn allows(self, permission: Permission) -> bool {
        match self {
            Self::Full => true,
            Self::Read => matches!(permission, Permission::Look | Permission::Read),
            Self::Submit => matches!(permission, Permission::Look | Permission::Submit),
        }
    }
}

/// A text that is no scope's name.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is no scope: use full, read or submit")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let shown = || ScopeError(text.chars().take(50).collect());
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(shown)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Scope};

    #[test]
    fn a_scope_is_found_by_its_name_and_allows_its_calls() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().unwrap(), scope);
        }
        for wrong in ["", "Full", "write", "read,submit"] {
            assert!(wrong.parse::<Scope>().is_err(), "{wrong}");
        }
        let all = [Permission::Look, Permission::Read, Permission::Submit, Permission::Change];
        for (scope, allowed) in [
            (Scope::Full, [true, true, true, true]),
            (Scope::Read, [true, true, false, false]),
            (Scope::Submit, [true, false, true, false]),
        ] {
            assert_eq!(all.map(|permission| scope.allows(permission)), allowed, "{scope}");
        }
    }
}
