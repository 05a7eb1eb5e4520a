//! How much more a request may store: items beyond the tenant's limits fail, and all others are applied.

use super::failure_reason::FailureReason;
use super::overlay::Added;
use crate::domain::{ItemError, TenantId};
use crate::store::{BatchCommit, RowBody, RowContact, Store, StoreError, WriteTarget};
use crate::tenants::TenantLimits;

/// The status of an item that would exceed a limit of what is stored.
const STATUS: u16 = 507;
/// Commits between two looks at what the tenant keeps, as long as that is far below the limits.
const MAX_COMMITS_UNSEEN: u32 = 8;
/// Contacts below the limit from which each commit looks.
const NEAR_CONTACTS: u64 = 50_000;
/// Bytes below the limit from which each commit looks.
const NEAR_BYTES: u64 = 1 << 30;

/// What a tenant has stored, as far as a request knows: what the request saw, and what it has added since.
///
/// Other requests of the tenant may add at the same time. So the limits can be exceeded by what all of them have in flight.
#[derive(Debug, Default)]
pub(in crate::jobs) struct StorageRoom {
    seen: Option<Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    stored_bytes: u64,
    /// Contacts of the tenant, and those that the request has in flight.
    contacts: u64,
    commits_ago: u32,
    /// Whether a limit is so near that each commit looks.
    is_near: bool,
}

impl StorageRoom {
    /// Turns the items of a commit that exceed the tenant's limits into failed rows, and removes their writes. If the tenant's
    /// bytes are used up, these are all items that write a contact; if its contacts are, these are items that create one. `added` is
    /// what a dry run would have added, and has not.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub(in crate::jobs) fn admit(
        &mut self,
        store: &dyn Store,
        tenant: TenantId,
        limits: &TenantLimits,
        added: Added,
        commit: &mut BatchCommit,
    ) -> Result<(), StoreError> {
        if commit.writes.is_empty() {
            return Ok(());
        }
        let max_bytes = limits.stored_mib << 20;
        let seen = match self.seen {
            Some(seen) if seen.commits_ago < MAX_COMMITS_UNSEEN && !seen.is_near => {
                Seen { commits_ago: seen.commits_ago + 1, ..seen }
            }
            before => {
                let usage = store.usage(tenant)?;
                let stored_bytes = usage.stored_bytes.saturating_add_signed(added.bytes);
                let contacts = usage.contacts.saturating_add(added.contacts);
                let contacts = before.map_or(contacts, |seen| seen.contacts.max(contacts));
                Seen { stored_bytes, contacts, commits_ago: 0, is_near: false }
            }
        };
        let room = limits.stored_contacts.saturating_sub(seen.contacts);
        if seen.stored_bytes >= max_bytes {
            refuse(commit, |_, _| true, &FailureReason::bytes_used_up(limits.stored_mib));
        } else if room < creations(commit) {
            refuse(
                commit,
                |target, earlier| creates(target) && earlier >= room,
                &FailureReason::contacts_used_up(limits.stored_contacts),
            );
        }
        let contacts = seen.contacts.saturating_add(creations(commit));
        let is_near = contacts.saturating_add(NEAR_CONTACTS) > limits.stored_contacts
            || seen.stored_bytes.saturating_add(NEAR_BYTES) > max_bytes;
        self.seen = Some(Seen { contacts, is_near, ..seen });
        Ok(())
    }

    /// Returns whether a limit is near, or may be. Then items of the next commit may be refused, so whether they create a contact
    /// must not be guessed: an item that would change a stored contact is not to be refused as one that creates another.
    pub(in crate::jobs) fn is_tight(&self) -> bool {
        self.seen.is_none_or(|seen| seen.is_near)
    }

    /// Forgets what was seen, because commits that were counted have not taken effect.
    pub(in crate::jobs) fn forget(&mut self) {
        self.seen = None;
    }
}

fn creations(commit: &BatchCommit) -> u64 {
    commit.writes.iter().filter(|write| creates(write.target)).count() as u64
}

/// Returns whether the tenant has one contact more after a write.
fn creates(target: WriteTarget) -> bool {
    matches!(target, WriteTarget::New | WriteTarget::Deleted { .. })
}

/// Removes the writes that `is_refused` names, given a write's target and how many creations stand before it, and fails their
/// items.
fn refuse(commit: &mut BatchCommit, is_refused: impl Fn(WriteTarget, u64) -> bool, reason: &(&'static str, String)) {
    let mut creations = 0;
    let mut kept = 0;
    // For each write, its new place, or the contact that it was for if it is refused.
    let mut places = Vec::with_capacity(commit.writes.len());
    commit.writes.retain(|write| {
        let is_kept = !is_refused(write.target, creations);
        creations += u64::from(creates(write.target));
        places.push(if is_kept { Ok(kept) } else { Err(contact(write.target)) });
        kept += usize::from(is_kept);
        is_kept
    });
    let (r#type, message) = reason;
    for row in &mut commit.rows {
        let write = match &mut row.body {
            RowBody::Written { write, .. } | RowBody::Unchanged { contact: RowContact::Write(write) } => write,
            RowBody::Unchanged { contact: RowContact::Stored(_) | RowContact::Previewed }
            | RowBody::Deleted { .. }
            | RowBody::Previewed { .. }
            | RowBody::Failed { .. } => continue,
        };
        match places.get(*write).copied().unwrap_or(Err(None)) {
            Ok(place) => *write = place,
            Err(id) => {
                let error = ItemError::Api { message: message.clone(), code: STATUS, r#type: (*r#type).to_owned() };
                row.body = RowBody::Failed { id, status: STATUS, error };
                row.remarks.refuse();
                row.changes = None;
            }
        }
    }
}

/// Returns the id of a stored contact.
fn contact(target: WriteTarget) -> Option<u64> {
    match target {
        WriteTarget::New => None,
        WriteTarget::Existing { id, .. } | WriteTarget::Deleted { id, .. } => Some(id.0),
    }
}

#[cfg(test)]
mod tests {
    use super::{FailureReason, refuse};
    use crate::domain::{ContactId, IndexEntry, ItemRemarks};
    use crate::store::{BatchCommit, ContactWrite, DraftRow, RowBody, WriteTarget};

    #[test]
    fn only_the_items_of_refused_writes_fail() {
        let existing = WriteTarget::Existing { id: ContactId(7), version: 3 };
        let write = |target, document: &str| ContactWrite {
            target,
            document: document.to_owned(),
            keys: Vec::new(),
            index_entry: IndexEntry::default(),
            before: None,
        };
        let row = |write| DraftRow::new(None, RowBody::Written { write, status: 200 }, ItemRemarks::default());
        let mut commit = BatchCommit {
            first: 0,
            writes: vec![
                write(WriteTarget::New, "a"),
                write(existing, "b"),
                write(WriteTarget::New, "c"),
                write(WriteTarget::New, "d"),
            ],
            rows: [0, 2, 1, 2, 3, 0].map(row).into(),
            ..BatchCommit::default()
        };
        let reason = FailureReason::contacts_used_up(1);
        refuse(&mut commit, |target, earlier| target == WriteTarget::New && earlier >= 1, &reason);
        let documents: Vec<&str> = commit.writes.iter().map(|write| write.document.as_str()).collect();
        assert_eq!(documents, ["a", "b"]);
        let rows: Vec<Option<usize>> = commit
            .rows
            .iter()
            .map(|row| match &row.body {
                RowBody::Written { write, .. } => Some(*write),
                RowBody::Failed { status: 507, .. } => None,
                _ => panic!("another row"),
            })
            .collect();
        assert_eq!(rows, [Some(0), None, Some(1), None, None, Some(0)]);
    }
}
