//! Errors that end a submission early. Each text says what to do.

use std::io;

use bulkhead::import::{ImportError, OtherKind};
use bulkhead::plain_words::io_error;
use uuid::Uuid;

use super::option_words::with_options;
use crate::cli::contact_file::ContactFileError;

/// Why a submission ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SubmitError {
    #[error(
        "the server at {url} knows no submission {id} of this client, so nothing was sent. Perhaps none of its requests was accepted, its first job was deleted or is older than 48 hours, or --url or --user is another one. Leave out --resume to send all contacts of the file."
    )]
    UnknownSubmission { url: String, id: Uuid },
    #[error(
        "the server at {url} does not say in /openapi.json that it knows dry runs, so nothing was sent: an earlier version would store the contacts. Update the server, or leave out --dry-run."
    )]
    NoDryRuns { url: String },
    #[error("'{url}' cannot be a server's URL: {why}")]
    Url { url: String, why: String },
    #[error(
        "--url has no place for credentials, since others can see URLs. Give them as --user ID:SECRET, or set the environment variable BULKHEAD_USER."
    )]
    UserInUrl,
    #[error(
        "no credentials are given. Give --user ID:SECRET, or set the environment variable BULKHEAD_USER: the client_id and client_secret that 'bulkhead tenant add NAME' printed."
    )]
    NoUser,
    #[error(
        "--user (or BULKHEAD_USER) must be ID:SECRET, the client_id and client_secret that 'bulkhead tenant add NAME' printed."
    )]
    User,
    #[error(transparent)]
    File(#[from] ContactFileError),
    #[error("{file} is {}, not a text, so nothing was sent. {}", kind.noun(), kind.cure())]
    NotText { file: String, kind: OtherKind },
    #[error(
        "{0} cannot be read: neither its name nor its beginning says how it is written, so nothing was sent. Give --format csv (a table), --format tsv (a table with tabs), --format ndjson (a JSON object on each line) or --format json."
    )]
    UnknownFormat(String),
    #[error("{file} cannot be sent: {} Nothing was sent.", with_options(&source.to_string()))]
    Import { file: String, source: ImportError },
    #[error(
        "{0} has the columns id, dateAdded and dateModified, as contacts have that a server exported. Nothing was sent. Give --operation update to change these contacts, found by their ids. Or give --operation create, which ignores the ids and finds contacts by unique fields such as email, to store them on another server; it makes a new contact of each row that has none of these."
    )]
    Exported(String),
    #[error("{0}")]
    Setting(String),
    #[error("{file} cannot be written: {}. The server has the results.", io_error(source))]
    FailuresFile { file: String, source: io::Error },
    #[error("no server answers at {url}. {advice}")]
    NoServer { url: String, advice: String },
    #[error("the connection to {url} failed: {why}")]
    Connection { url: String, why: String },
    #[error("the server at {url} refused the request with status {status}: {message}{}{advice}", if advice.is_empty() { "" } else { " " })]
    Refused { url: String, status: u16, message: String, advice: String },
    #[error("the answer of {url} was not expected ({what}). Is it a Bulkhead server?")]
    Answer { url: String, what: String },
}

/// Returns what to do after a refusal.
pub(super) fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => "Give the server's own address with --url.",
        401 | 403 => "Check --user ID:SECRET; 'bulkhead tenant secret add NAME' on the server makes another secret.",
        404 => "Check --url; if it is right, the job was deleted or has expired.",
        405 | 415 => "Check --url; this does not look like a Bulkhead server of the same version.",
        400 => "Correct the file, then submit again.",
        422 => {
            "The file or an option differs from the submission that --resume names: give those of then, or leave out --resume."
        }
        408 | 413 => "Submit smaller files.",
        // The message says which limit was reached, and what to do.
        507 => "",
        429 | 503 => "Several attempts failed; submit again later.",
        _ => "The server's log says why.",
    }
}
