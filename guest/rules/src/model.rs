//! The words of the contract as plain Rust: what goes in and out of this crate.

/// What a request does with its items; the same for all items of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Make a contact, or merge into the one that a unique field names.
    Create,
    /// Replace the contact that `id` names; make one if there is none.
    Replace,
    /// Change the sent fields of the contact that `id` names.
    Update,
}

/// One option of a choice field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// As people see it.
    pub label: String,
    /// As it is sent and stored.
    pub value: String,
}

/// One field of a catalogue, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name used in requests and documents; unique in a catalogue.
    pub alias: String,
    /// As people see it.
    pub label: String,
    /// What values it takes, such as `text`; an unknown kind is treated as `text`.
    pub kind: String,
    /// Where it is listed, such as `core`.
    pub group: String,
    /// The options of a `select`, `multiselect` or `lookup`, in order.
    pub choices: Vec<Choice>,
    /// A contact cannot be made without it.
    pub is_required: bool,
    /// No two contacts may share a value, and `Create` finds contacts by it.
    pub is_unique: bool,
    /// Longest value in Unicode code points; `None` means the profile's.
    pub max_length: Option<u32>,
    /// Digits after the decimal mark that a `number` keeps; `None` means 0.
    pub scale: Option<u32>,
}

/// A field as a profile names it: everything but the alias may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldEntry {
    /// See [`Field::alias`].
    pub alias: String,
    /// See [`Field::label`].
    pub label: Option<String>,
    /// See [`Field::kind`].
    pub kind: Option<String>,
    /// See [`Field::group`].
    pub group: Option<String>,
    /// See [`Field::choices`].
    pub choices: Option<Vec<Choice>>,
    /// See [`Field::is_required`].
    pub is_required: Option<bool>,
    /// See [`Field::is_unique`].
    pub is_unique: Option<bool>,
    /// See [`Field::max_length`].
    pub max_length: Option<u32>,
    /// See [`Field::scale`].
    pub scale: Option<u32>,
}

/// What is wrong with one entry of a profile's field list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The entry's place in the list, from 0.
    pub entry: u32,
    /// The member at fault, as the profile's JSON spells it.
    pub member: String,
    /// What is wrong and what would be right, in one sentence.
    pub message: String,
}

/// Somebody a contact may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The number that `owner` names.
    pub id: u64,
    /// The name to sign in with.
    pub username: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
}

/// A stage or a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The number that `stage` and `companies` name.
    pub id: u64,
    /// As people see it.
    pub name: String,
}

/// What is particular to one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The complete catalogue, as [`crate::fields`] made it: in the order in which errors are reported.
    pub fields: Vec<Field>,
    /// Longest value in Unicode code points for fields that name none of their own.
    pub max_length: u32,
    /// Whom `owner` may name.
    pub owners: Vec<Owner>,
    /// What `stage` may name.
    pub stages: Vec<Named>,
    /// What `companies` may name.
    pub companies: Vec<Named>,
    /// The moment of a change: UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub now: String,
    /// Settings, as pairs of a name and a JSON text. None are known today.
    pub settings: Vec<(String, String)>,
}

/// A value by which at most one contact can be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The field's alias.
    pub field: String,
    /// The value in normal form, at most 1,024 bytes.
    pub value: String,
}

/// How an item refers to a stored contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// By its id.
    Id(u64),
    /// By the value of a unique field.
    Unique(UniqueKey),
}

/// A contact as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Given by the host.
    pub id: u64,
    /// The [`Write::document`] that was last written for it.
    pub document: String,
}

/// A validator's complaint about one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The item's place in the batch, from 0; one that is out of range is ignored.
    pub index: u32,
    /// The alias complained about.
    pub field: String,
    /// One sentence for the client.
    pub message: String,
}

/// Which contact a write goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A contact that does not exist yet.
    New,
    /// A contact that was found, by its id.
    Existing(u64),
    /// The contact that an earlier item of this batch makes, by that item's index. That item's target is `New`.
    Earlier(u32),
}

/// An item that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where it goes.
    pub target: Target,
    /// 201 for a new contact, 200 otherwise.
    pub status: u16,
    /// The whole contact from now on: a JSON object of at most 256 KiB.
    pub document: String,
    /// By what it can be found from now on: at most 32, at most one a field.
    pub keys: Vec<UniqueKey>,
    /// Text by whose words people find it, at most 1 KiB.
    pub words: String,
    /// What lists are ordered by, the largest first: when it was last active, or nothing.
    pub sort: String,
}

/// An item that was refused; nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The contact the item named by `id`.
    pub id: Option<u64>,
    /// 400, 404 or 422.
    pub status: u16,
    /// For people; at most 16 KiB.
    pub message: String,
    /// Alias and texts, in catalogue order; at most 256.
    pub details: Vec<(String, Vec<String>)>,
    /// Refused before its values were looked at.
    pub api_style: bool,
}

/// What becomes of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was accepted.
    Write(Write),
    /// It was refused.
    Reject(Rejection),
}
