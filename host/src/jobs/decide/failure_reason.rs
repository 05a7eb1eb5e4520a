//! Why an item was not applied, in words for clients.

use crate::sandbox::GuestFailure;

/// The reason that a failed item's row gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::jobs) struct FailureReason {
    /// For programs.
    pub(super) r#type: &'static str,
    /// For people.
    pub(super) message: &'static str,
}

impl FailureReason {
    /// Other requests changed the item's contacts during each attempt.
    pub(super) const CONTENDED: Self = Self {
        r#type: "conflict",
        message: "Other requests kept changing the same contacts, so this item was not applied. Nothing of it was stored; send it again.",
    };

    /// Servers died or failed whenever they attempted the item.
    pub(super) const SERVERS_FAILED: Self = Self {
        r#type: "server failed",
        message: "The server repeatedly failed at this point in the job, so this item was not attempted. Nothing of it was stored.",
    };

    /// The components used up the time that the tenant's limits allow.
    pub(super) fn out_of_time() -> Self {
        Self::not_attempted(
            GuestFailure::TimedOut,
            "The component that validates contacts used up its time for this job, so this item was not attempted. Nothing of it was stored.",
        )
    }

    /// A component failed on this item.
    pub(super) fn component_failed(failure: GuestFailure) -> Self {
        Self { r#type: failure.as_str(), message: failure.message() }
    }

    /// A component failed on too many other items, the last time with `last`.
    pub(super) fn too_many_failures(last: GuestFailure) -> Self {
        Self::not_attempted(
            last,
            "The component that validates contacts failed on too many items of this job, so this item was not attempted. Nothing of it was stored.",
        )
    }

    /// A component is suspended, and failed the last time with `last`.
    pub(super) fn suspended(last: GuestFailure) -> Self {
        Self::not_attempted(
            last,
            "The component that validates contacts keeps failing and is suspended for a while, so this item was not attempted. Nothing of it was stored.",
        )
    }

    /// The tenant has as many contacts as it may. Returns type and message.
    pub(super) fn contacts_used_up(limit: u64) -> (&'static str, String) {
        (
            "storage full",
            format!(
                "The tenant has as many contacts as its limit allows ({limit}, storedContacts), so this item created none. Delete contacts, or ask the operator for a higher limit."
            ),
        )
    }

    /// The tenant has stored as much as it may. Returns type and message.
    pub(super) fn bytes_used_up(limit_mib: u64) -> (&'static str, String) {
        (
            "storage full",
            format!(
                "The tenant has stored as much as its limit allows ({limit_mib} MiB, storedMiB), so this item was not applied. Contacts count, and jobs with their items, results and logs. Delete some of them, or ask the operator for a higher limit."
            ),
        )
    }

    fn not_attempted(failure: GuestFailure, message: &'static str) -> Self {
        Self { r#type: failure.as_str(), message }
    }
}
