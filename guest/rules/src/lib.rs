//! The rules for valid contacts, and for applying batches of edits to stored contacts.
//!
//! This crate is pure: it does no input or output, reads no clock, and returns the same answer to the same call. The
//! rules are those of Mautic 5's batch API. This crate departs from them in two cases: where Mautic changes or drops data
//! without reporting it, and where one bad item fails the whole request.
//!
//! A [`Session`] reads a batch with [`Session::plan`], which returns the keys of the stored contacts that the batch
//! concerns, and decides it with [`Session::decide`]. [`fields`] builds a tenant's catalogue. [`present`] renders stored
//! contacts for clients, and [`cells`] renders them as rows of a table.

mod byte_run;
mod catalogue;
mod contact;
mod field_error;
mod field_values;
mod hashing;
mod ignored_names;
mod item;
mod item_errors;
mod json;
mod kind;
mod kinds;
mod limits;
mod member_order;
mod merge;
mod model;
mod present;
mod reserved_key;
mod reserved_keys;
mod schema;
mod session;
mod shared_text;
mod unicode;
mod value;
mod working_set;

pub use catalogue::fields;
pub use model::{
    Choice, Complaint, Field, FieldEntry, Flaw, Key, Named, Objection, Operation, Outcome, Owner, Profile, Rejection,
    Remarks, Stored, Target, UniqueKey, Warning, Write,
};
pub use present::{cells, present};
pub use session::Session;
