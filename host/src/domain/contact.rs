//! Contacts, as far as the host knows them: an id, keys and a document it does not look into.

/// A contact's number, unique within its tenant and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContactId(pub u64);

/// A value by which at most one contact of a tenant is found. Which fields are unique, and what a value's normal form
/// is, is up to the component.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UniqueKey {
    /// The field's alias.
    pub field: String,
    /// The value in normal form.
    pub value: String,
}

/// How a contact is found in lists and searches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexEntry {
    /// Text whose words searches look for.
    pub search_text: String,
    /// Text that orders lists unless a client asks for another order.
    pub sort_key: String,
}

/// A contact as it stands in the store.
#[derive(Debug, Clone)]
pub struct StoredContact {
    /// Which one.
    pub id: ContactId,
    /// Counts its changes, so that a decision made on an older state is noticed.
    pub version: i64,
    /// A JSON object, the component's own.
    pub document: String,
}
