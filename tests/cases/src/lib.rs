//! The reference cases of Mautic's contact batch API, and a runner for any implementation of that API.
//!
//! `mautic-batch.json` contains Mautic's answers. `overridden.json` contains the answers that differ on purpose, by case and
//! step, with the row of the table of differences that gives the reason. `values.json` contains answers of this project. [`cases`]
//! reads all files. [`Case::run`] plays one case through an [`Api`], which may use HTTP or call a library.
//!
//! Each case starts on an empty tenant with the profile of [`Case::profile`].

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
pub use library::{Library, LibraryApi, Operation};

/// An implementation of the contact API, against which cases are played.
pub trait Api {
    /// Sends one call and returns its answer. A body is JSON unless the headers name another type.
    fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer;
}

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP's status code.
    pub status: u16,
    /// The body.
    pub text: String,
}

/// The endpoints to which the batches of a case are sent. All other calls are sent unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/api/contacts/batch/…`, answered at once.
    Batch,
    /// `/api/contacts/bulk/…`, which creates a job. The job's rows and contacts are converted to the answer of a batch.
    Bulk,
}

/// Returns all cases of Mautic with their overrides applied, and then those of this project.
///
/// # Panics
/// Panics if one of the files is invalid.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = reference();
    overrides::parse(include_str!("../overridden.json")).apply(&mut cases);
    cases.append(&mut parse(include_str!("../values.json")));
    cases
}

/// Returns all cases with Mautic's answers.
///
/// # Panics
/// Panics if the file is invalid.
#[must_use]
pub fn reference() -> Vec<Case> {
    parse(include_str!("../mautic-batch.json"))
}

/// Parses cases in the format of `mautic-batch.json`.
///
/// # Panics
/// Panics if `text` has another format.
#[must_use]
pub fn parse(text: &str) -> Vec<Case> {
    case::parse(text)
}

/// Returns the rows of the table of differences that override cases, with the number of cases of each row.
#[must_use]
pub fn overridden() -> BTreeMap<String, usize> {
    overrides::parse(include_str!("../overridden.json")).count()
}
