//! The format of a table.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::plain::plain;

/// Contacts, and the result that is expected of each.
#[derive(Debug, Deserialize)]
#[serde(try_from = "WrittenCase")]
pub struct Case {
    /// What the case shows, for people.
    pub name: String,
    /// The tenant's profile; `{}` by default.
    pub profile: Option<Box<RawValue>>,
    /// A part of the text with which the profile is refused; then the case has no contacts. `None` if the profile is accepted.
    pub refused: Option<String>,
    /// What to do with the contacts.
    pub operation: Operation,
    /// Contacts to store beforehand, as a client would send them: the first gets the id 1, and so on. A validator under test
    /// is not called for these contacts.
    pub stored: Vec<Box<RawValue>>,
    /// The contacts to send: any JSON values.
    pub contacts: Vec<Box<RawValue>>,
    /// The expected result of each contact.
    pub expect: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: String,
    #[serde(default)]
    profile: Option<Box<RawValue>>,
    refused: Option<String>,
    #[serde(default)]
    operation: Operation,
    #[serde(default)]
    stored: Vec<Box<RawValue>>,
    contacts: Option<Vec<Box<RawValue>>>,
    expect: Option<Vec<Expected>>,
}

impl TryFrom<WrittenCase> for Case {
    type Error = String;

    fn try_from(written: WrittenCase) -> Result<Self, String> {
        let WrittenCase { name, profile, refused, operation, stored, contacts, expect } = written;
        let (contacts, expect) = match (&refused, contacts, expect) {
            (None, Some(contacts), Some(expect)) => (contacts, expect),
            (None, None, _) => return Err(format!("there must be a member 'contacts' ('{name}')")),
            (None, _, None) => return Err(format!("there must be a member 'expect' ('{name}')")),
            (Some(_), None, None) if stored.is_empty() => Default::default(),
            (Some(_), ..) => {
                return Err(format!(
                    "a case whose profile is 'refused' has no 'stored', 'contacts' or 'expect' ('{name}')"
                ));
            }
        };
        if expect.len() != contacts.len() {
            let (expect, contacts) = (expect.len(), contacts.len());
            return Err(format!("{expect} expectations for {contacts} contacts ('{name}'); each contact needs one"));
        }
        Ok(Self { name, profile, refused, operation, stored, contacts, expect })
    }
}

/// The operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// `POST …/new`.
    #[default]
    Create,
    /// `PUT …/edit`.
    Replace,
    /// `PATCH …/edit`.
    Update,
}

/// The expected result of one contact. In JSON, a number alone is a status.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    /// The row's `statusCode`.
    pub status: u16,
    /// The row's `id`; `None` if any id is accepted.
    pub id: Option<u64>,
    /// A part of the error's message; `None` if any message is accepted.
    pub message: Option<String>,
    /// The error's type, such as `trapped`; `None` if any type is accepted.
    pub r#type: Option<String>,
    /// Exactly the fields that have errors, each with parts of its texts; `None` if any errors are accepted.
    pub errors: Option<BTreeMap<String, Texts>>,
    /// Members of the contact afterwards, as clients see it; other members are not compared.
    pub contact: Option<Value>,
}

/// One text or several.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "this must be a text, or a list of texts")]
pub enum Texts {
    /// One text.
    One(String),
    /// Several texts.
    Several(Vec<String>),
}

impl Texts {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
        .iter()
        .map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    status: u16,
    id: Option<u64>,
    message: Option<String>,
    r#type: Option<String>,
    errors: Option<BTreeMap<String, Texts>>,
    contact: Option<Value>,
}

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let value = Value::deserialize(deserializer)?;
        if let Some(number) = value.as_u64() {
            let status = u16::try_from(number).map_err(|_| D::Error::custom(format!("{number} is not a status")))?;
            return Ok(Self { status, id: None, message: None, r#type: None, errors: None, contact: None });
        }
        if !value.is_object() {
            return Err(D::Error::custom("this must be a status, or an object such as {\"status\": 400}"));
        }
        let Written { status, id, message, r#type, errors, contact } =
            serde_json::from_value(value).map_err(|error| D::Error::custom(plain(&error)))?;
        Ok(Self { status, id, message, r#type, errors, contact })
    }
}

/// An error of a table, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableError(String);

impl TableError {
    /// Makes the error of the value at a path; `.` is the whole table.
    fn at(path: &str, what: &str) -> Self {
        Self(if path == "." { what.to_owned() } else { format!("{path}: {what}") })
    }
}

impl std::fmt::Display for TableError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TableError {}

/// Reads a table: a JSON list of cases.
///
/// # Errors
/// If the table is not such a list; the error says where.
pub fn parse(text: &str) -> Result<Vec<Case>, TableError> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let cases: Vec<Case> = serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| TableError::at(&error.path().to_string(), &plain(error.inner())))?;
    deserializer.end().map_err(|_| TableError(String::from("there is more text after the end of the table")))?;
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::{Operation, parse};

    #[test]
    fn most_members_can_be_left_out() {
        let cases = parse(r#"[{"name":"a","contacts":[{},"\ud800"],"expect":[201,{"status":400}]}]"#).unwrap();
        assert_eq!((cases[0].operation, cases[0].expect[0].status), (Operation::Create, 201));
        assert_eq!(cases[0].contacts[1].get(), r#""\ud800""#);
    }

    #[test]
    fn errors_name_the_place() {
        for (text, part) in [
            ("", "the text ends too early at line 1"),
            ("[\n", "the text ends too early at line 2"),
            (r#"[{"name":"a","contacts":[],"expect":[]},,]"#, "this is not JSON at line 1 column "),
            ("{}", "this must be a list, not an object"),
            ("7", "this must be a list, not a number"),
            ("[7]", "[0]: this must be an object, not a number"),
            (r#"[{"name":7}]"#, "[0].name: this must be a text, not a number"),
            (r#"[{"contacts":[],"expect":[]}]"#, "[0]: there must be a member 'name'"),
            (r#"[{"name":"a","name":"b"}]"#, "the member 'name' is given twice"),
            (r#"[{"name":"a","contacts":7}]"#, "[0].contacts: this must be a list, not a number"),
            (
                r#"[{"name":"a","contacts":[],"expect":[],"expected":[]}]"#,
                "[0].expected: there is no member 'expected'; those that there are: name, profile, refused",
            ),
            (r#"[{"name":"a","contacts":[{}],"expect":[]}]"#, "[0]: 0 expectations for 1 contacts ('a')"),
            (r#"[{"name":"a","expect":[]}]"#, "[0]: there must be a member 'contacts' ('a')"),
            (r#"[{"name":"a","contacts":[]}]"#, "[0]: there must be a member 'expect' ('a')"),
            (
                r#"[{"name":"a","refused":"x","contacts":[],"expect":[]}]"#,
                "has no 'stored', 'contacts' or 'expect' ('a')",
            ),
            (r#"[{"name":"a","contacts":[{}],"expect":["x"]}]"#, "[0].expect[0]: this must be a status"),
            (r#"[{"name":"a","contacts":[{}],"expect":[{"state":1}]}]"#, "[0].expect[0]: there is no member 'state'"),
            (
                r#"[{"name":"a","contacts":[{}],"expect":[{"status":1,"errors":{"a":7}}]}]"#,
                "[0].expect[0]: this must be a text, or a list of texts",
            ),
            (
                r#"[{"name":"a","contacts":[{}],"expect":[{"status":"x"}]}]"#,
                "[0].expect[0]: this must be a whole number, not a text",
            ),
            (
                r#"[{"name":"a","operation":"delete","contacts":[],"expect":[]}]"#,
                "[0].operation: this must be one of create, replace, update, not 'delete'",
            ),
            ("[] []", "there is more text after the end of the table"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(part), "{text}: {message}");
            for word in ["sequence", "struct", "variant", "field `", "EOF", "expected ", "map", "column 0"] {
                assert!(!message.contains(word) || part.contains(word), "{text}: {message}");
            }
        }
    }
}
