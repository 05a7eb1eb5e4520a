//! Files that a person brought, and of which nothing was made yet.

use uuid::Uuid;

use super::JobId;
use crate::harmless_text::is_unprintable;

/// The public id of a staged file: a random UUID (version 4), which cannot be guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StagedFileId(pub Uuid);

impl StagedFileId {
    /// Makes a new random id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// Parses the hyphenated form of a UUID. No other text is a staged file's id.
    pub fn parse(text: &str) -> Option<Self> {
        JobId::parse(text).map(|JobId(uuid)| Self(uuid))
    }
}

impl std::fmt::Display for StagedFileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

/// Bytes of a file's name at most: what file systems take.
const MAX_NAME_BYTES: usize = 255;

/// What a file was called where it came from: 1 to 255 bytes without control characters. To be shown, never to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// Parses a name. Returns `None` if the text cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name = (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
        is_name.then(|| Self(text.to_owned()))
    }

    /// Makes a name of what a browser says: its last part, without what nobody should see as it is. A name of nothing becomes `file`.
    pub fn of_upload(text: &str) -> Self {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let mut name = String::new();
        for letter in last.chars().filter(|letter| !letter.is_control() && !is_unprintable(*letter)) {
            if name.len() + letter.len_utf8() > MAX_NAME_BYTES {
                break;
            }
            name.push(letter);
        }
        Self(if name.is_empty() { String::from("file") } else { name })
    }

    /// Takes a name that was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{FileName, MAX_NAME_BYTES, StagedFileId};

    #[test]
    fn only_the_hyphenated_form_is_the_id_of_a_staged_file() {
        let id = StagedFileId::random();
        assert_eq!(StagedFileId::parse(&id.to_string()), Some(id));
        for text in ["", "1", &id.0.simple().to_string(), &format!("{id}0")] {
            assert_eq!(StagedFileId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_file_name_is_one_short_line() {
        let longest = "x".repeat(MAX_NAME_BYTES);
        for (text, is_name) in [
            ("contacts.csv", true),
            ("Kontakte (März) \"neu\".csv", true),
            ("../<b>.csv", true),
            (longest.as_str(), true),
            (&format!("{longest}x"), false),
            (&"ä".repeat(MAX_NAME_BYTES / 2 + 1), false),
            ("", false),
            ("a\nb.csv", false),
            ("a\0.csv", false),
        ] {
            assert_eq!(
                FileName::parse(text).map(|name| name.to_string()),
                is_name.then(|| text.to_owned()),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_file_is_called_by_the_last_part_of_what_a_browser_says() {
        for (text, name) in [
            ("contacts.csv", "contacts.csv"),
            (r"C:\Users\Ada\contacts.csv", "contacts.csv"),
            ("../../etc/passwd", "passwd"),
            ("a\u{1b}[2Jb\n\u{202e}.csv", "a[2Jb.csv"),
            ("", "file"),
            ("folder/", "file"),
        ] {
            assert_eq!(FileName::of_upload(text).as_str(), name, "{text:?}");
        }
        assert_eq!(FileName::of_upload(&"ü".repeat(500)).as_str().len(), 254);
    }
}
