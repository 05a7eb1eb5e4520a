//! The exchanges of clients with servers, which `scripts/openapi check` compares with the descriptions of the APIs.
//!
//! If `BULKHEAD_EXCHANGES` names a file, each exchange is appended to it as one line of JSON. One that is like an earlier one of
//! the same program is left out, and so are bodies above 256 KiB and all exchanges once the file has 256 MiB.

use std::cell::Cell;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs::{File, OpenOptions};
use std::hash::{Hash as _, Hasher as _};
use std::io::Write as _;
use std::sync::LazyLock;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::Reply;

/// Bytes of a body that is recorded.
const MAX_BODY_BYTES: usize = 256 << 10;
/// Bytes of the file.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// What a client sent.
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a str,
    /// The path with its query.
    pub(crate) path: &'a str,
    /// The `X-HTTP-Method-Override` that the request has.
    pub(crate) meant: Option<&'a str>,
}

/// The file, and the hashes of what it has.
struct Record {
    file: File,
    seen: HashSet<u64>,
}

static RECORD: LazyLock<Option<Mutex<Record>>> = LazyLock::new(|| {
    let path = env::var_os("BULKHEAD_EXCHANGES")?;
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Some(Mutex::new(Record { file, seen: HashSet::new() }))
});

thread_local! {
    static IS_LOAD: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread only makes load, so that its exchanges are not recorded. Many threads that record large answers would wait for
/// each other, and not for the server.
pub fn make_load() {
    IS_LOAD.set(true);
}

/// Returns whether the exchanges of this thread are recorded.
pub(crate) fn are_recorded() -> bool {
    RECORD.is_some() && !IS_LOAD.get()
}

/// Records an exchange. The body of an answer without one, such as that to a `HEAD`, is empty; `None` is a body that was not read.
pub(crate) fn record(sent: &Sent<'_>, reply: &Reply, body: Option<&[u8]>) {
    let Some(record) = RECORD.as_ref().filter(|_| are_recorded()) else { return };
    let mut headers = serde_json::Map::new();
    for (name, value) in reply.all_headers() {
        // Their values say nothing of the exchange, and differ each time.
        if !["date", "content-length", "x-request-id"].contains(&name.as_str()) {
            headers.insert(name.clone(), Value::from(value.as_str()));
        }
    }
    let body = body.filter(|body| body.len() <= MAX_BODY_BYTES).map(String::from_utf8_lossy);
    let exchange = json!({
        "method": sent.method, "path": sent.path, "meant": sent.meant, "status": reply.status, "headers": headers, "body": body,
    });
    let line = format!("{exchange}\n");
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    let mut record = record.lock();
    let bytes = record.file.metadata().map_or(MAX_FILE_BYTES, |file| file.len());
    if bytes < MAX_FILE_BYTES && record.seen.insert(hasher.finish()) {
        record.file.write_all(line.as_bytes()).expect("an exchange can be recorded");
    }
}
