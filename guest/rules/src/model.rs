//! The types of the contract as plain Rust: the parameters and results of this crate.

use std::borrow::Cow;

/// The operation of a request. It is the same for all items of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Create a contact, or merge into the contact that a unique field names.
    Create,
    /// Replace the contact that `id` names, or create one if it does not exist.
    Replace,
    /// Change the fields that were sent, in the contact that `id` names.
    Update,
}

/// One option of a choice field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The text that people see.
    pub label: String,
    /// The value that is sent and stored.
    pub value: String,
}

/// One field of a catalogue, with all its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The name used in requests and documents; unique in a catalogue.
    pub alias: String,
    /// The text that people see.
    pub label: String,
    /// The kind of values, such as `text`. An unknown kind is treated as `text`.
    pub kind: String,
    /// The group that contains the field, such as `core`.
    pub group: String,
    /// The options of a `select`, `multiselect` or `lookup`, in order.
    pub choices: Vec<Choice>,
    /// Whether a contact cannot be created without this field.
    pub is_required: bool,
    /// Whether a value of this field belongs to at most one contact. `Create` finds contacts by unique fields.
    pub is_unique: bool,
    /// Largest value, in Unicode code points. `None` means [`Profile::max_length`].
    pub max_length: Option<u32>,
    /// Digits that a `number` keeps after the decimal mark. `None` means 0.
    pub scale: Option<u32>,
    /// Whether a value is refused that is otherwise taken with a [`Warning`].
    pub is_strict: bool,
}

/// One entry of a profile's field list. Every member except the alias may be left out.
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
    /// See [`Field::is_strict`].
    pub is_strict: Option<bool>,
}

/// A flaw of one entry of a profile's field list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The entry's index in the list, from 0.
    pub entry: u32,
    /// The member that is wrong, as spelled in the profile's JSON.
    pub member: String,
    /// One sentence that says what is wrong and what would be right.
    pub message: String,
}

/// A user who can own contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The id that an item's `owner` contains.
    pub id: u64,
    /// The name with which the user signs in.
    pub username: String,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
}

/// A stage or a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The id that an item's `stage` or `companies` contains.
    pub id: u64,
    /// The text that people see.
    pub name: String,
}

/// The settings of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The complete catalogue, a result of [`crate::fields`]. Errors are reported in the order of these fields.
    pub fields: Vec<Field>,
    /// Largest value of fields without a [`Field::max_length`], in Unicode code points.
    pub max_length: u32,
    /// The users that `owner` may name.
    pub owners: Vec<Owner>,
    /// The stages that `stage` may name.
    pub stages: Vec<Named>,
    /// The companies that `companies` may name.
    pub companies: Vec<Named>,
    /// The time that changes are dated with: UTC, `YYYY-MM-DDTHH:MM:SSZ`.
    pub now: String,
    /// Settings, as pairs of a name and a JSON text. This crate uses none of them.
    pub settings: Vec<(String, String)>,
}

/// A value that at most one contact has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// The field's alias.
    pub field: String,
    /// The value in normal form, at most 1,024 bytes.
    pub value: String,
}

/// A reference of an item to a stored contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The contact with this id.
    Id(u64),
    /// The contact with this value in a unique field.
    Unique(UniqueKey),
}

/// A stored contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The id that the host assigned.
    pub id: u64,
    /// The last [`Write::document`] that was written for this contact.
    pub document: String,
}

/// A validator's objection to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The item's index in the batch, from 0. An objection with an index out of range is ignored.
    pub index: u32,
    /// The alias of the field that the objection is about.
    pub field: String,
    /// What is wrong, for programs.
    pub code: String,
    /// One sentence for the client.
    pub message: String,
}

/// What an item's sender is told besides the item's outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remarks {
    /// At most 32 warnings, one for each field at most.
    pub warnings: Vec<Warning>,
    /// The names of the item's members that mean nothing to this crate, each once: at most 100 names, each cut to 100 bytes.
    pub ignored: Vec<String>,
    /// How many more such members the item has.
    pub ignored_more: u32,
}

/// Something about a value that its sender should know, and that is no reason to refuse the item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The field's alias.
    pub field: String,
    /// What it is, for programs, such as `unknown_region`.
    pub code: &'static str,
}

/// What is wrong with one field of an item, or with another member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The field's alias, or the member's name.
    pub field: String,
    /// What is wrong, for programs: `invalid`, `required`, `not_unique`, or the code of an objection.
    pub code: Cow<'static, str>,
    /// What is wrong, for people.
    pub messages: Vec<String>,
}

/// The contact that a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A contact that does not exist yet.
    New,
    /// The stored contact with this id.
    Existing(u64),
    /// The contact that an earlier item of this batch creates. The number is that item's index, and its target is `New`.
    Earlier(u32),
}

/// The outcome of an accepted item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The contact to write.
    pub target: Target,
    /// 201 for a new contact, 200 otherwise.
    pub status: u16,
    /// The whole new content of the contact: a JSON object of at most 256 KiB.
    pub document: String,
    /// All unique values of the contact: at most 32, and at most one for each field.
    pub keys: Vec<UniqueKey>,
    /// Text whose words find the contact in a search, at most 1 KiB.
    pub words: String,
    /// Sort key for lists, which start with the largest key: the time of the last activity, or the empty text.
    pub sort: String,
    /// What the item's sender is told besides.
    pub remarks: Remarks,
}

/// The outcome of a rejected item, of which nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The id that the item named.
    pub id: Option<u64>,
    /// 400, 404 or 422.
    pub status: u16,
    /// A message for people, at most 16 KiB.
    pub message: String,
    /// What is wrong, in catalogue order, at most 256 fields.
    pub details: Vec<Complaint>,
    /// Whether the item was rejected before its values were looked at.
    pub api_style: bool,
    /// What the item's sender is told besides.
    pub remarks: Remarks,
}

/// The outcome of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The item was accepted.
    Write(Write),
    /// The item was rejected.
    Reject(Rejection),
}
