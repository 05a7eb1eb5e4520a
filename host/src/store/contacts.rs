//! Contacts: finding, writing, deleting and listing them.

use std::time::Duration;

use super::usage::{contact_bytes, signed};
use super::{BeforeImage, StoreError};
use crate::domain::{ContactId, IndexEntry, StoredContact, TenantId, UniqueKey};

/// Contacts, and the index by which they are listed.
pub trait ContactStore {
    /// Returns the stored contacts that these ids and keys name, each contact once.
    fn find_contacts(
        &self,
        tenant: TenantId,
        ids: &[ContactId],
        keys: &[UniqueKey],
    ) -> Result<Vec<StoredContact>, StoreError>;

    /// Makes the writes of a call take effect, all or none of them.
    fn apply_writes(&self, tenant: TenantId, writes: &[ContactWrite]) -> Result<ApplyOutcome, StoreError>;

    /// Deletes a contact, and returns it as it was. Returns `None` if there is no such contact.
    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError>;

    /// Returns a part of a list of contacts, after indexing what was committed before. The time that it takes depends on how many
    /// contacts each part of the filter finds, and on how many the query skips, and not on how many there are.
    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError>;

    /// Returns the newest contacts that a filter finds and that were made before one, the newest first, at most `limit`. Indexes what
    /// was committed before, as [`Self::list_contacts`].
    fn newest_matches(
        &self,
        tenant: TenantId,
        filter: &ContactFilter,
        before: Option<ContactId>,
        limit: usize,
    ) -> Result<Vec<ContactId>, StoreError>;

    /// Returns the contacts behind one, in the order of their ids, at most `limit`. Reads no index, so that none has to be waited for.
    fn contacts_after(
        &self,
        tenant: TenantId,
        after: Option<ContactId>,
        limit: u32,
    ) -> Result<Vec<StoredContact>, StoreError>;

    /// Indexes the contacts of some commits that are at least this old. Returns `false` if there are none. This is called while
    /// the server has nothing else to do, so that [`Self::list_contacts`] finds little left to index.
    fn index_next(&self, age: Duration) -> Result<bool, StoreError>;
}

impl StoredContact {
    /// Returns the bytes that the contact counts, if it was read with how it is found.
    pub fn stored_bytes(&self) -> i64 {
        let Some(indexed) = &self.indexed else { return 0 };
        let keys = indexed.keys().iter().map(|key| (key.field.as_str(), key.value.as_str()));
        contact_bytes(signed(self.document.len()), keys, signed(indexed.entry_bytes()))
    }
}

/// A contact's new state.
#[derive(Debug)]
pub struct ContactWrite {
    /// The contact that is written.
    pub target: WriteTarget,
    /// The whole document.
    pub document: String,
    /// All its keys.
    pub keys: Vec<UniqueKey>,
    /// How it is found in lists and searches.
    pub index_entry: IndexEntry,
    /// The existing contact as it was read, if the job is to be undoable.
    pub before: Option<BeforeImage>,
}

/// A contact that is to be deleted, because it was created by a job that is undone.
#[derive(Debug)]
pub struct Deletion {
    /// Its id.
    pub id: ContactId,
    /// The version that was read. If the contact has another version by now, the deletion is a conflict.
    pub version: i64,
    /// The contact as it was read.
    pub before: BeforeImage,
}

impl ContactWrite {
    /// Returns the bytes that the contact counts when it is stored so.
    pub fn stored_bytes(&self) -> i64 {
        let mut keys: Vec<_> = self.keys.iter().map(|key| (key.field.as_str(), key.value.as_str())).collect();
        keys.sort_unstable();
        keys.dedup();
        contact_bytes(signed(self.document.len()), keys, signed(self.index_entry.bytes()))
    }

    /// Returns the bytes of memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|key| key.field.len() + key.value.len()).sum();
        let IndexEntry { search_text, sort_key } = &self.index_entry;
        let before = self.before.as_ref().map_or(0, BeforeImage::bytes);
        size_of::<Self>() + self.document.len() + keys + search_text.len() + sort_key.len() + before
    }
}

/// The contact that a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTarget {
    /// A new contact.
    New,
    /// A stored contact.
    Existing {
        /// Its id.
        id: ContactId,
        /// The version that was read. If the contact has another version by now, the write is a conflict.
        version: i64,
    },
    /// A contact that an undo deleted, under the id that it had. If there is such a contact, or a client deleted it, the write is a
    /// conflict.
    Deleted {
        /// Its id.
        id: ContactId,
        /// The version that it gets: one that it never had.
        version: i64,
    },
}

impl From<&StoredContact> for WriteTarget {
    fn from(contact: &StoredContact) -> Self {
        Self::Existing { id: contact.id, version: contact.version }
    }
}

/// The outcome of [`ContactStore::apply_writes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyOutcome {
    /// All writes took effect; the contacts' ids are in the order of the writes.
    Done(Vec<ContactId>),
    /// No write took effect: a contact changed since it was read, or another contact has a key. To be read and decided again.
    Conflict,
    /// No write took effect: the tenant was removed.
    NoTenant,
}

/// A list of contacts, and the part of it that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactQuery {
    /// The contacts in the list.
    pub filter: ContactFilter,
    /// The order of the list.
    pub order: ContactOrder,
    /// Whether the order is reversed, the largest first.
    pub descending: bool,
    /// Contacts to skip.
    pub start: u32,
    /// Contacts to return at most.
    pub limit: u32,
}

/// Which contacts a list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactFilter {
    /// All contacts of the tenant.
    All,
    /// The contacts with these ids, as far as they exist.
    Ids(Vec<ContactId>),
    /// The contacts whose search text has, for each of these words, a word that begins with it. Case and accents do not matter.
    Words(Vec<String>),
    /// The contacts that their component marked with [`IndexEntry::ANONYMOUS_MARK`].
    Anonymous,
    /// The contacts that have a key whose value begins with this.
    KeyBeginning {
        /// The key's field.
        field: String,
        /// The beginning, in normal form.
        beginning: String,
    },
    /// The contacts whose key is in a range, with its ends. A list in the order of this key has all of them, however many.
    Range {
        /// What is compared.
        key: RangeKey,
        /// The least value.
        from: i64,
        /// The largest value.
        to: i64,
    },
    /// The contacts that all of these find.
    And(Vec<Self>),
    /// The contacts that one of these finds.
    Or(Vec<Self>),
    /// The contacts that this does not find.
    Not(Box<Self>),
}

/// What a contact has a place in a range by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeKey {
    /// Its id.
    Id,
    /// The time of its last change, in microseconds by the store's clock.
    Changed,
}

/// The order of a list. Contacts that are equal in it are ordered by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactOrder {
    /// By id, which is the order in which contacts were created.
    Id,
    /// By the time of the last change.
    Changed,
    /// By the component's [`IndexEntry::sort_key`].
    Sort,
}

/// A part of a list.
#[derive(Debug)]
pub struct ContactList {
    /// How many contacts the whole list has. If the filter finds more contacts than a list orders, those that it orders.
    pub total: u64,
    /// Whether the filter finds more contacts than the list has.
    pub is_bounded: bool,
    /// The contacts of the part.
    pub contacts: Vec<StoredContact>,
}
