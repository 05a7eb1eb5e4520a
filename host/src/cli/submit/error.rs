//! Errors that end a submission early. Each text says what to do.

/// Why a submission ended early.
#[derive(Debug, thiserror::Error)]
pub(super) enum SubmitError {
    #[error("'{0}' cannot be a server's URL. Give one such as http://127.0.0.1:8080 with --url.")]
    Url(String),
    #[error("--user must be ID:SECRET, the client_id and client_secret that 'bulkhead tenant add NAME' printed.")]
    User,
    #[error("{file} cannot be read: {source}. Give a file with contacts, or '-' for standard input.")]
    File { file: String, source: std::io::Error },
    #[error("{0} is not a text in UTF-8. Save it as UTF-8; it may also be gzipped.")]
    Encoding(String),
    #[error("{file} cannot be read as contacts: {why}. It must be a JSON list of contacts, or a JSON object of them.")]
    Json { file: String, why: String },
    #[error("{file} has the key {key:?} twice, and only one of the two contacts would be used. Rename one key.")]
    Key { file: String, key: String },
    #[error("no server answers at {0}. Start one with 'bulkhead serve', or give another URL with --url.")]
    NoServer(String),
    #[error("the connection to {url} failed: {source}. Check the server and the network, then submit again.")]
    Connection { url: String, source: ureq::Error },
    #[error("the server at {url} refused the request with status {status}: {message}{}{advice}", if advice.is_empty() { "" } else { " " })]
    Refused { url: String, status: u16, message: String, advice: &'static str },
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
