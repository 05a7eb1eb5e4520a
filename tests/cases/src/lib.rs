//! The reference cases of Mautic's contact batch API, run against anything that answers like one.
//!
//! `mautic-batch.json` holds what Mautic answers, `overridden.json` what is answered differently on purpose: by case and
//! step, with the row of the table of differences that says why. [`cases`] reads both, [`Case::run`] plays one case
//! through an [`Api`]. Nothing in here knows how calls are carried: over HTTP, or by calling a library.
//!
//! Each case starts on an empty tenant with the profile that [`Case::profile`] says.

mod assertion;
mod bulk;
mod case;
mod changes;
mod expand;
mod library;
mod loose;
mod overrides;
mod path;
mod profile;
mod run;

use std::collections::BTreeMap;

pub use case::Case;
pub use library::{Library, Operation, Wire};

/// What a case is played through.
pub trait Api {
    /// One call and its answer. Bodies are JSON unless the headers say otherwise.
    fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer;
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP's status code.
    pub status: u16,
    /// The body.
    pub text: String,
}

/// By which endpoints the batches of a case go; everything else always goes by its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/api/contacts/batch/…`, answered at once.
    Batch,
    /// `/api/contacts/bulk/…`: a job, whose rows and contacts are put together to the answer of a batch.
    Bulk,
}

/// All cases, with the answers given instead where they are overridden.
///
/// # Panics
/// If one of the files is not what it should be.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = reference();
    overrides::parse(include_str!("../overridden.json")).apply(&mut cases);
    cases
}

/// All cases as Mautic answers them.
///
/// # Panics
/// If the file is not what it should be.
#[must_use]
pub fn reference() -> Vec<Case> {
    parse(include_str!("../mautic-batch.json"))
}

/// The cases in `text`, which is JSON of the form that `mautic-batch.json` has.
///
/// # Panics
/// If it is anything else.
#[must_use]
pub fn parse(text: &str) -> Vec<Case> {
    case::parse(text)
}

/// The rows of the table of differences that cases are overridden by, and how many cases each.
#[must_use]
pub fn overridden() -> BTreeMap<String, usize> {
    overrides::parse(include_str!("../overridden.json")).count()
}
