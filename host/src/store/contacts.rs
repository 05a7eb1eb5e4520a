//! Contacts: finding, writing, deleting and listing them.

use std::time::Duration;

use super::StoreError;
use crate::domain::{ContactId, Listing, StoredContact, TenantId, UniqueKey};

/// Contacts, and the index by which they are listed.
pub trait ContactStore {
    /// Returns the stored contacts that these ids and keys name, each contact once.
    fn find(&self, tenant: TenantId, ids: &[ContactId], keys: &[UniqueKey]) -> Result<Vec<StoredContact>, StoreError>;

    /// Makes the writes of a call take effect, all or none of them.
    fn apply(&self, tenant: TenantId, writes: &[ContactWrite]) -> Result<Applied, StoreError>;

    /// Deletes a contact, and returns it as it was. `None` if there is no such contact.
    fn delete_contact(&self, tenant: TenantId, id: ContactId) -> Result<Option<StoredContact>, StoreError>;

    /// Returns a part of a list of contacts, after indexing what was committed before. Takes as long for a million contacts
    /// as for a thousand, plus the time for the contacts that the query skips.
    fn list_contacts(&self, tenant: TenantId, query: &ContactQuery) -> Result<ContactList, StoreError>;

    /// Indexes the contacts of some commits that are at least this old. `false` if there are none. Called while the server
    /// has nothing else to do, so that [`Self::list_contacts`] finds little left to index.
    fn list_next(&self, age: Duration) -> Result<bool, StoreError>;
}

/// One contact's new state.
#[derive(Debug)]
pub struct ContactWrite {
    /// Which contact.
    pub target: WriteTarget,
    /// The whole document.
    pub document: String,
    /// All its keys.
    pub keys: Vec<UniqueKey>,
    /// How lists and searches find it.
    pub listing: Listing,
}

impl ContactWrite {
    /// Bytes of text in it.
    pub(super) fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|key| key.field.len() + key.value.len()).sum();
        size_of::<Self>() + self.document.len() + keys + self.listing.words.len() + self.listing.sort.len()
    }
}

/// Which contact a write is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTarget {
    /// One to be made.
    New,
    /// One that was read in this version.
    Existing {
        /// Its id.
        id: ContactId,
        /// The version that was read.
        version: i64,
    },
}

impl From<&StoredContact> for WriteTarget {
    fn from(contact: &StoredContact) -> Self {
        Self::Existing { id: contact.id, version: contact.version }
    }
}

/// What became of a call's writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// All of them took effect; the contacts in the order of the writes.
    Done(Vec<ContactId>),
    /// None of them did: a contact changed since it was read, or a key was taken. Read and decide again.
    Conflict,
    /// None of them did: the tenant was removed meanwhile.
    NoTenant,
}

/// Which contacts a list is to have, in which order, and which part of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactQuery {
    /// Which ones.
    pub filter: ContactFilter,
    /// By what they are ordered.
    pub order: ContactOrder,
    /// The largest first.
    pub descending: bool,
    /// How many to skip.
    pub start: u32,
    /// How many to return at most.
    pub limit: u32,
}

/// Which contacts a list is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactFilter {
    /// All of the tenant's.
    All,
    /// Those of these that exist.
    Ids(Vec<ContactId>),
    /// Those that have, for each of these, a word that begins with it. Case and accents do not matter.
    Words(Vec<String>),
}

/// What a list is ordered by; equal ones by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactOrder {
    /// When it was made.
    Id,
    /// When it was changed last.
    Changed,
    /// What the component says: [`Listing::sort`].
    Sort,
}

/// A part of a list.
#[derive(Debug)]
pub struct ContactList {
    /// How many the whole list has.
    pub total: u64,
    /// The part that was asked for.
    pub contacts: Vec<StoredContact>,
}
