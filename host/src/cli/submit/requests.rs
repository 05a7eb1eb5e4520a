//! Reads a file of contacts, and splits it into requests without parsing the contacts.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};

use bulkhead::operator_json::{JsonError, JsonText};
use flate2::read::MultiGzDecoder;

use super::error::SubmitError;

/// Contacts in one request.
const MAX_ITEMS: usize = 10_000;
/// Bytes of one request's body. A server accepts 64 MiB by default.
const MAX_REQUEST_BYTES: usize = 48 << 20;

/// Bytes of an inflated file.
const MAX_INFLATED_BYTES: u64 = 4 << 30;
/// What a gzip file begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// One contact, as it is written in the file.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Option<String>,
    pub(super) json: &'a str,
}

impl Entry<'_> {
    /// Returns the most bytes that the contact can take in a request; a byte of a key takes up to six.
    fn bytes(&self) -> usize {
        self.json.len() + 1 + self.key.as_ref().map_or(0, |key| 6 * key.len() + 3)
    }
}

/// All contacts of a file.
#[derive(Debug)]
pub(super) struct Contacts<'a> {
    entries: Vec<Entry<'a>>,
    keyed: bool,
}

/// Reads a file. gzip is inflated, whatever the file is called.
pub(super) fn read(file: &str) -> Result<String, SubmitError> {
    let unreadable = |source| SubmitError::File { file: name(file), source };
    let mut bytes = Vec::new();
    let result = match file {
        "-" => io::stdin().lock().read_to_end(&mut bytes),
        path => File::open(path).and_then(|mut open| open.read_to_end(&mut bytes)),
    };
    result.map_err(unreadable)?;
    if bytes.starts_with(&GZIP_MAGIC) {
        bytes = inflated(&bytes).map_err(unreadable)?;
    }
    String::from_utf8(bytes).map_err(|_| SubmitError::Encoding(name(file)))
}

fn inflated(gzip: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(gzip).take(MAX_INFLATED_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INFLATED_BYTES {
        return Err(io::Error::other(format!("it inflates to more than {} GiB", MAX_INFLATED_BYTES >> 30)));
    }
    Ok(bytes)
}

fn name(file: &str) -> String {
    if file == "-" { "Standard input".to_owned() } else { file.to_owned() }
}

impl<'a> Contacts<'a> {
    pub(super) fn parse(file: &str, text: &'a str) -> Result<Self, SubmitError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let whole = JsonText::parse(text).map_err(|error| unreadable(file, error))?;
        let (entries, keyed) = if whole.is_object() {
            let members = whole.all_members().map_err(|error| unreadable(file, error))?;
            (members.into_iter().map(|(key, json)| Entry { key: Some(key), json }).collect(), true)
        } else {
            let list = whole.list().map_err(|error| unreadable(file, error))?;
            (list.iter().map(|contact| Entry { key: None, json: contact.raw() }).collect(), false)
        };
        let contacts = Self { entries, keyed };
        let mut seen = HashSet::new();
        match contacts.entries.iter().filter_map(|entry| entry.key.as_ref()).find(|key| !seen.insert(*key)) {
            Some(key) => Err(SubmitError::Key { file: name(file), key: key.clone() }),
            None => Ok(contacts),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Splits the contacts into as few requests as the limits allow, in order.
    pub(super) fn requests(&self) -> Vec<&[Entry<'a>]> {
        self.requests_of(MAX_ITEMS, MAX_REQUEST_BYTES)
    }

    fn requests_of(&self, max_items: usize, max_bytes: usize) -> Vec<&[Entry<'a>]> {
        let mut requests = Vec::new();
        let mut rest = self.entries.as_slice();
        while !rest.is_empty() {
            let mut bytes = 2;
            let fitting = rest.iter().take(max_items).take_while(|entry| {
                bytes += entry.bytes();
                bytes <= max_bytes
            });
            // A contact that is too large for any request is sent alone, and the server refuses it.
            let (request, remaining) = rest.split_at(fitting.count().max(1).min(rest.len()));
            requests.push(request);
            rest = remaining;
        }
        requests
    }

    /// Returns the body of a request: a list or an object, like the file.
    pub(super) fn body(&self, request: &[Entry<'_>]) -> Vec<u8> {
        let mut body = String::with_capacity(2 + request.iter().map(Entry::bytes).sum::<usize>());
        body.push(if self.keyed { '{' } else { '[' });
        for (place, entry) in request.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            if let Some(key) = &entry.key {
                body.push_str(&serde_json::Value::from(key.as_str()).to_string());
                body.push(':');
            }
            body.push_str(entry.json);
        }
        body.push(if self.keyed { '}' } else { ']' });
        body.into_bytes()
    }
}

fn unreadable(file: &str, error: JsonError) -> SubmitError {
    SubmitError::Json { file: name(file), why: error.message }
}

#[cfg(test)]
mod tests {
    use super::Contacts;

    fn bodies(text: &str, max_items: usize, max_bytes: usize) -> Vec<String> {
        let contacts = Contacts::parse("-", text).unwrap();
        let batches = contacts.requests_of(max_items, max_bytes);
        batches.into_iter().map(|batch| String::from_utf8(contacts.body(batch)).unwrap()).collect()
    }

    #[test]
    fn files_are_split_into_requests_of_the_same_form() {
        for (text, max_items, max_bytes, expected) in [
            ("[]", 2, 99, &[] as &[&str]),
            ("{}", 2, 99, &[]),
            ("[1, {\"a\" : 2},3]", 2, 99, &["[1,{\"a\" : 2}]", "[3]"]),
            ("\u{feff}[1,2]", 2, 99, &["[1,2]"]),
            ("{\"x\":1,\"\\\"\\u00fc\":2,\"z\":[]}", 2, 99, &["{\"x\":1,\"\\\"ü\":2}", "{\"z\":[]}"]),
            ("[11,22,\"a very long contact\",33]", 9, 8, &["[11,22]", "[\"a very long contact\"]", "[33]"]),
        ] {
            assert_eq!(bodies(text, max_items, max_bytes), expected, "{text}");
        }
    }

    #[test]
    fn invalid_files_are_refused_in_one_line() {
        for (text, part) in [
            ("", "the text is empty"),
            ("7", "this must be a list, not a number"),
            ("null", "this must be a list, not null"),
            ("[1,\n2,,]", "there must be a value at line 2 column 3"),
            ("[{},", "the text ends too early at line 1 column 4"),
            ("[] []", "there is more text after the end of the value at line 1 column 4"),
            ("{\"a\":1,\"b\":2,\"a\":3}", "the key \"a\" twice"),
        ] {
            let error = Contacts::parse("list.json", text).unwrap_err().to_string();
            assert!(error.starts_with("list.json") && error.contains(part) && !error.contains('\n'), "{error}");
        }
    }
}
