//! What a valid contact is and how a batch of edits is applied to stored contacts.
//!
//! Pure: no input or output, no clock, the same answer to the same question. The rules are those of Mautic 5's batch
//! API; where this crate departs from them it is so that no data is changed or dropped without saying so, and so that
//! one item's fault stays that item's.
//!
//! A [`Session`] reads a batch with [`Session::plan`], which says which stored contacts matter, and settles it with
//! [`Session::decide`]. [`fields`] makes a tenant's catalogue, [`present`] shows stored contacts to clients.

mod catalogue;
mod contact;
mod faults;
mod hashing;
mod in_play;
mod item;
mod json;
mod kinds;
mod merge;
mod model;
mod present;
mod schema;
mod session;
mod specials;

pub use catalogue::fields;
pub use model::{
    Choice, Field, FieldEntry, Flaw, Key, Named, Objection, Operation, Outcome, Owner, Profile, Rejection, Stored,
    Target, UniqueKey, Write,
};
pub use present::present;
pub use session::Session;
