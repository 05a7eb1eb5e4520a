//! Reads a file of contacts, as 'submit' sends it and 'component try' tries it, without parsing the contacts.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use bulkhead::operator_json::{JsonError, JsonText};
use bulkhead::plain_words::io_error;
use flate2::read::MultiGzDecoder;

/// Bytes of an inflated file.
const MAX_INFLATED_BYTES: u64 = 4 << 30;
/// What a gzip file begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// What a zstd file begins with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The name of standard input.
const STANDARD_INPUT: &str = "-";

/// Why a file is not read as contacts. Each text says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContactFileError {
    #[error("{file} cannot be read: {}. Give a file with contacts, or '-' for standard input.", io_error(source))]
    File { file: String, source: io::Error },
    #[error(
        "{file} cannot be read: it begins like {kind}, and is damaged or was cut off. Compress it again, or copy it again."
    )]
    Compressed { file: String, kind: &'static str },
    #[error("{file} cannot be read: it inflates to more than {} GiB. Split it.", MAX_INFLATED_BYTES >> 30)]
    TooLarge { file: String },
    #[error("{0} is not a text in UTF-8. Save it as UTF-8; it may also be compressed with gzip or zstd.")]
    Encoding(String),
    #[error("{file} cannot be read as contacts: {why}. It must be a JSON list of contacts, or a JSON object of them.")]
    Json { file: String, why: String },
    #[error("{file} has the key {key:?} twice, and only one of the two contacts would be used. Rename one key.")]
    Key { file: String, key: String },
}

/// One contact, as it is written in the file.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The sender's own name for the contact, if the file is an object.
    pub(super) key: Option<String>,
    /// JSON.
    pub(super) json: &'a str,
}

/// All contacts of a file.
#[derive(Debug)]
pub(super) struct Contacts<'a> {
    pub(super) entries: Vec<Entry<'a>>,
    /// Whether the file is an object.
    pub(super) is_keyed: bool,
}

/// Returns whether a file is standard input.
pub(super) fn is_standard_input(file: &Path) -> bool {
    file == Path::new(STANDARD_INPUT)
}

/// Returns how messages call a file.
pub(super) fn name(file: &Path) -> String {
    if is_standard_input(file) { "Standard input".to_owned() } else { file.display().to_string() }
}

/// Reads a text in UTF-8 as [`read_bytes`] does.
pub(super) fn read(file: &Path) -> Result<String, ContactFileError> {
    String::from_utf8(read_bytes(file)?).map_err(|_| ContactFileError::Encoding(name(file)))
}

/// Returns the text of a file that has these bytes, which must be UTF-8.
pub(super) fn text<'a>(file: &Path, bytes: &'a [u8]) -> Result<&'a str, ContactFileError> {
    std::str::from_utf8(bytes).map_err(|_| ContactFileError::Encoding(name(file)))
}

/// Reads a file, or standard input if it is called `-`. gzip and zstd are inflated, whatever the file is called.
pub(super) fn read_bytes(file: &Path) -> Result<Vec<u8>, ContactFileError> {
    let mut bytes = Vec::new();
    let result = if is_standard_input(file) {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|mut open| open.read_to_end(&mut bytes))
    };
    result.map_err(|source| ContactFileError::File { file: name(file), source })?;
    if bytes.starts_with(&GZIP_MAGIC) {
        inflated(file, "gzip", MultiGzDecoder::new(bytes.as_slice()))
    } else if bytes.starts_with(&ZSTD_MAGIC) {
        let decoder = zstd::Decoder::with_buffer(bytes.as_slice());
        let decoder = decoder.map_err(|source| ContactFileError::File { file: name(file), source })?;
        inflated(file, "zstd", decoder)
    } else {
        Ok(bytes)
    }
}

fn inflated(file: &Path, kind: &'static str, decoder: impl io::Read) -> Result<Vec<u8>, ContactFileError> {
    let mut bytes = Vec::new();
    let result = decoder.take(MAX_INFLATED_BYTES + 1).read_to_end(&mut bytes);
    // The bytes are in memory, so whatever is wrong is wrong with them.
    result.map_err(|_| ContactFileError::Compressed { file: name(file), kind })?;
    if bytes.len() as u64 > MAX_INFLATED_BYTES {
        return Err(ContactFileError::TooLarge { file: name(file) });
    }
    Ok(bytes)
}

impl<'a> Contacts<'a> {
    /// Finds the contacts in the text of a file: in a list, or in an object under the sender's own keys.
    pub(super) fn parse(file: &Path, text: &'a str) -> Result<Self, ContactFileError> {
        let unreadable = |error: JsonError| ContactFileError::Json { file: name(file), why: error.to_string() };
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let whole = JsonText::parse(text).map_err(unreadable)?;
        let is_keyed = whole.is_object();
        let entries: Vec<Entry<'a>> = if is_keyed {
            let members = whole.all_members().map_err(unreadable)?;
            members.into_iter().map(|(key, json)| Entry { key: Some(key), json }).collect()
        } else {
            whole.list().map_err(unreadable)?.iter().map(|contact| Entry { key: None, json: contact.raw() }).collect()
        };
        let mut seen = HashSet::new();
        match entries.iter().filter_map(|entry| entry.key.as_ref()).find(|key| !seen.insert(*key)) {
            Some(key) => Err(ContactFileError::Key { file: name(file), key: key.clone() }),
            None => Ok(Self { entries, is_keyed }),
        }
    }

    /// Returns the number of contacts.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use flate2::read::MultiGzDecoder;

    use super::{Contacts, inflated};

    #[test]
    fn lists_and_objects_are_contacts() {
        for (text, keys, json) in [
            ("[]", &[] as &[&str], &[] as &[&str]),
            ("{}", &[], &[]),
            ("\u{feff}[1,{\"a\" : 2}]", &[], &["1", "{\"a\" : 2}"]),
            ("{\"x\":1,\"\\\"\\u00fc\":[]}", &["x", "\"ü"], &["1", "[]"]),
        ] {
            let contacts = Contacts::parse(Path::new("list.json"), text).unwrap();
            let found: Vec<&str> = contacts.entries.iter().filter_map(|entry| entry.key.as_deref()).collect();
            assert_eq!(found, keys, "{text}");
            assert_eq!(contacts.entries.iter().map(|entry| entry.json).collect::<Vec<_>>(), json, "{text}");
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
            ("[{},\n", "the text ends too early at line 2."),
            ("[] []", "there is more text after the end of the value at line 1 column 4"),
            ("{\"a\":1,\"b\":2,\"a\":3}", "the key \"a\" twice"),
        ] {
            let error = Contacts::parse(Path::new("list.json"), text).unwrap_err().to_string();
            assert!(error.starts_with("list.json") && error.contains(part) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn damaged_files_are_refused_in_plain_words() {
        let text = b"[{}, ".repeat(100);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&text).unwrap();
        let mut zipped = zstd::Encoder::new(Vec::new(), 1).unwrap();
        zipped.include_checksum(true).unwrap();
        zipped.write_all(&text).unwrap();
        let file = Path::new("-");
        let read = |kind: &'static str, bytes: &[u8]| match kind {
            "gzip" => inflated(file, kind, MultiGzDecoder::new(bytes)),
            _ => inflated(file, kind, zstd::Decoder::with_buffer(bytes).unwrap()),
        };
        for (kind, whole) in [("gzip", encoder.finish().unwrap()), ("zstd", zipped.finish().unwrap())] {
            assert_eq!(read(kind, &whole).unwrap(), text);
            let mut flipped = whole.clone();
            flipped[whole.len() - 4] ^= 1;
            for damaged in [&whole[..3], &whole[..whole.len() / 2], &whole[..whole.len() - 1], &flipped] {
                let said = read(kind, damaged).unwrap_err().to_string();
                let begin = format!("Standard input cannot be read: it begins like {kind}");
                assert!(said.starts_with(&begin), "{said}");
            }
        }
    }
}
