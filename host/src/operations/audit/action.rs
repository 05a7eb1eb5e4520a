//! What operators do that is in the audit log.

/// What an action does to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// It changes nothing.
    Reads,
    /// It changes something, and may take room.
    Changes,
    /// It leaves less in the store.
    MakesRoom,
}

/// Defines the actions by one table: the variant, the name in the log, and the effect.
macro_rules! actions {
    ($($variant:ident $name:literal $effect:ident,)+) => {
        /// What an operator can do that is in the audit log: all that changes something, and all that shows what may be personal data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $(
                #[doc = concat!("`", $name, "`.")]
                $variant,
            )+
        }

        impl Action {
            /// Returns the action's name in the log.
            pub fn as_str(self) -> &'static str {
                self.facts().0
            }

            /// Returns what the action does to the store.
            pub(super) fn effect(self) -> Effect {
                self.facts().1
            }

            fn facts(self) -> (&'static str, Effect) {
                match self {
                    $(Self::$variant => ($name, Effect::$effect),)+
                }
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),+];
    };
}

actions! {
    AddTenant "tenant.add" Changes,
    ChangeTenant "tenant.set" Changes,
    RollBackTenant "tenant.rollback" Changes,
    RemoveTenant "tenant.remove" MakesRoom,
    AddSecret "secret.add" Changes,
    RevokeSecret "secret.revoke" MakesRoom,
    RevokeTokens "token.revoke" MakesRoom,
    AddComponent "component.add" Changes,
    RemoveComponent "component.remove" MakesRoom,
    CancelJob "job.cancel" MakesRoom,
    DeleteJob "job.delete" MakesRoom,
    UndoJob "job.undo" Changes,
    ExportJob "job.export" Reads,
    ReadJobLog "job.log" Reads,
    AddWebhook "webhook.add" Changes,
    ChangeWebhook "webhook.set" Changes,
    ReplaceWebhookSecret "webhook.secret" Changes,
    TestWebhook "webhook.test" Changes,
    ReplayWebhook "webhook.replay" Changes,
    RemoveWebhook "webhook.remove" MakesRoom,
    BackUp "store.backup" Reads,
    Migrate "store.migrate" Changes,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::NAMES;

    #[test]
    fn actions_have_names_of_their_own() {
        assert_eq!(NAMES.iter().collect::<HashSet<_>>().len(), NAMES.len());
    }
}
