//! What a client must be allowed to do for each call.

use super::problem::Problem;
use super::route::Route;
use crate::tenants::{Permission, Scope};

impl Route {
    /// Returns what the call needs of a secret's scope. A call that answers with a contact as it is stored is not for those that only
    /// submit, even if it only adds to the contact.
    fn permission(&self) -> Permission {
        match self {
            Self::ReadJob(_)
            | Self::JobEvents(_)
            | Self::ReadGroup(_)
            | Self::Fields(_)
            | Self::Profile(_)
            | Self::Limits
            | Self::Public(_) => Permission::Look,
            Self::CheckUndo(_) | Self::ListJobs | Self::ListContacts | Self::ReadContact(_) => Permission::Read,
            Self::Webhook(call) if !call.changes_something() => Permission::Read,
            Self::Bulk(_) | Self::ImportCsv | Self::DeleteJob(_) | Self::CancelJob(_) => Permission::Submit,
            Self::Batch(_)
            | Self::Single(..)
            | Self::ApplyJob(_)
            | Self::UndoJob(_)
            | Self::DeleteContact(_)
            | Self::DeleteBatch
            | Self::DoNotContact(..)
            | Self::Webhook(_) => Permission::Change,
        }
    }

    /// Checks that a client with this scope may send the call.
    ///
    /// # Errors
    /// 403 if it may not.
    pub(super) fn check_scope(&self, scope: Scope) -> Result<(), Problem> {
        let permission = self.permission();
        if scope.allows(permission) {
            return Ok(());
        }
        let narrow = Scope::ALL.into_iter().find(|other| *other != Scope::Full && other.allows(permission));
        let needed = narrow.map_or_else(|| String::from("'full'"), |narrow| format!("'{narrow}' or 'full'"));
        Err(Problem::scope_forbids(scope, &needed))
    }
}
