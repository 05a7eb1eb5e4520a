//! Contacts as far as the host knows them: an id, keys and a document that the host does not look into.

/// A contact's number, unique within its tenant and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContactId(pub u64);

/// A value that at most one contact of a tenant has in this field. The component decides which fields are unique, and what a
/// value's normal form is.
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

impl IndexEntry {
    /// The character in [`Self::search_text`] by which a component marks a contact that has no name and no value in a unique
    /// field.
    pub const ANONYMOUS_MARK: char = '\u{f0000}';

    /// Returns the bytes of its texts.
    pub fn bytes(&self) -> usize {
        self.search_text.len() + self.sort_key.len()
    }
}

/// A stored contact.
#[derive(Debug, Clone)]
pub struct StoredContact {
    /// Its id.
    pub id: ContactId,
    /// Counts its changes. A write that was decided on an older version is a conflict.
    pub version: i64,
    /// The document: text in the component's own form.
    pub document: String,
    /// How the store finds the contact, if whoever read the contact asked for that.
    pub indexed: Option<Indexed>,
}

impl StoredContact {
    /// Returns whether a write of this document, these keys and this entry would leave the contact as it is.
    pub fn is_same(&self, document: &str, keys: &[UniqueKey], entry: &IndexEntry) -> bool {
        self.document == document && self.indexed.as_ref().is_some_and(|indexed| *indexed == Indexed::of(keys, entry))
    }
}

/// How the store finds a contact. The texts of the contact's [`IndexEntry`] are not kept, so their length stands for them: a
/// component makes them of the document and the profile, and a profile that changes them nearly always changes their length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// The contact's keys, in order and each once.
    keys: Vec<UniqueKey>,
    /// The bytes of its index entry.
    entry_bytes: usize,
}

impl Indexed {
    /// Returns how the store finds a contact with these keys, whose index entry has these bytes.
    pub fn new(mut keys: Vec<UniqueKey>, entry_bytes: usize) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self { keys, entry_bytes }
    }

    /// Returns the contact's keys, in order and each once.
    pub fn keys(&self) -> &[UniqueKey] {
        &self.keys
    }

    /// Returns the bytes of the contact's index entry.
    pub fn entry_bytes(&self) -> usize {
        self.entry_bytes
    }

    /// Returns how the store finds a contact that is written with these keys and this entry.
    fn of(keys: &[UniqueKey], entry: &IndexEntry) -> Self {
        Self::new(keys.to_vec(), entry.bytes())
    }
}
