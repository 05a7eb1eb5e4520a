//! How a client writes items: as JSON, as a form of one of two types, or as a file of rows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::header_parameters::HeaderValueParts;
use super::multipart::Boundary;
use super::problem::Problem;
use super::{form, json, multipart};
use crate::domain::{ItemList, Operation};
use crate::import::{ImportError, OtherKind};

/// The format of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Form,
    Multipart(Boundary),
    /// A table, with what its type says: the charset, the kind of header, and what separates cells.
    Csv {
        charset: Option<String>,
        has_no_header: bool,
        is_tab_separated: bool,
    },
    /// A JSON text on each line.
    JsonLines {
        charset: Option<String>,
    },
}

impl Format {
    /// Reads the format from `Content-Type`. A body without a type is JSON, as in Mautic.
    ///
    /// # Errors
    /// 415 for another type, and 400 for a form of parts without a boundary.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(Self::Json) };
        let value = value.to_str().unwrap_or("?");
        let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" | "application/json" | "application/x-json" => Ok(Self::Json),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            "multipart/form-data" => Ok(Self::Multipart(Boundary::from_content_type(value)?)),
            "text/csv" | "text/tab-separated-values" => {
                let parts = HeaderValueParts::of_content_type(value)?;
                Ok(Self::Csv {
                    charset: parts.parameter("charset").map(str::to_owned),
                    has_no_header: has_no_header(&parts)?,
                    is_tab_separated: essence != "text/csv",
                })
            }
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
                let parts = HeaderValueParts::of_content_type(value)?;
                Ok(Self::JsonLines { charset: parts.parameter("charset").map(str::to_owned) })
            }
            _ => Err(unsupported(&essence)),
        }
    }

    /// Splits the body of an operation into items. Of more than `max` items, `max` + 1 are returned.
    ///
    /// # Errors
    /// 400 with line and column if the body cannot be decoded, or is one contact; 415 if JSON was sent as a form.
    pub(super) fn items(&self, body: &[u8], max: usize, operation: Operation) -> Result<ItemList, Problem> {
        let list = match self {
            Self::Json => json::split(json_body(body)?, max)?,
            Self::Form => form::split(form::fields(form_text(body)?), max)?,
            Self::Multipart(boundary) => form::split(multipart::fields(body, boundary), max)?,
            Self::Csv { .. } | Self::JsonLines { .. } => return Err(no_file()),
        };
        refuse_wrapped_list(&list)?;
        self.refuse_one_contact(&list, operation)?;
        Ok(list)
    }

    /// Refuses one contact where a list is expected: read by the rules, each of its values would be a contact.
    fn refuse_one_contact(&self, list: &ItemList, operation: Operation) -> Result<(), Problem> {
        let keys = list.keys.as_deref().unwrap_or_default();
        let is_number = |key: &String| key.bytes().all(|byte| byte.is_ascii_digit());
        let (has_object, has_scalar) = list.items.iter().fold((false, false), |(objects, scalars), item| {
            (objects || item.starts_with('{'), scalars || !item.starts_with(['{', '[']))
        });
        if keys.iter().all(is_number) || has_object || !has_scalar {
            return Ok(());
        }
        let list = match self {
            Self::Form | Self::Multipart(_) => "Number its values, such as 0[email]=ada@example.com",
            Self::Json | Self::Csv { .. } | Self::JsonLines { .. } => "Put it into a list, [{…}]",
        };
        Err(Problem::bad_request(format!(
            "The body is one contact, and this call expects a list of contacts. Nothing was stored. {list}, or send it to {}, which takes one.",
            call_for_one(operation)
        )))
    }

    /// Reads a body that is one contact for an operation, and returns the contact as JSON.
    ///
    /// # Errors
    /// As [`Self::items`], and 400 if the body is a list.
    pub(super) fn contact(&self, body: &[u8], operation: Operation) -> Result<String, Problem> {
        let item = self.item(body)?;
        let is_list = item.strip_prefix('[').is_some_and(|list| list.trim_start().starts_with('{'))
            || has_numbered_objects(&item);
        if is_list {
            return Err(Problem::bad_request(format!(
                "The body is a list of contacts, and this call takes one contact. Nothing was stored. Send the contact itself, or send the list to {}, which take lists.",
                calls_for_lists(operation)
            )));
        }
        Ok(item)
    }

    /// Reads a body that is one item, and returns the item as JSON.
    ///
    /// # Errors
    /// As [`Self::items`].
    pub(super) fn item(&self, body: &[u8]) -> Result<String, Problem> {
        let item = match self {
            Self::Json => json::whole(json_body(body)?)?,
            Self::Form => form::whole(form::fields(form_text(body)?))?,
            Self::Multipart(boundary) => form::whole(multipart::fields(body, boundary))?,
            Self::Csv { .. } | Self::JsonLines { .. } => return Err(no_file()),
        };
        refuse_wrapped_item(&item)?;
        Ok(item)
    }

    /// Returns the text of what an operator writes: JSON as it was sent, which is not read yet, or a form as JSON.
    ///
    /// # Errors
    /// 400 if the body is no text, and as [`Self::items`] for a form.
    pub(super) fn operators_text(&self, body: &[u8]) -> Result<String, Problem> {
        match self {
            Self::Json => json::text(body),
            Self::Form | Self::Multipart(_) | Self::Csv { .. } | Self::JsonLines { .. } => self.item(body),
        }
    }

    /// Reads a body of a few named texts; members that are not texts are left out.
    ///
    /// # Errors
    /// As [`Self::items`], and 400 that names a text which is there twice.
    pub(super) fn fields(&self, body: &[u8]) -> Result<HashMap<String, String>, Problem> {
        let list: Vec<(String, String)> = match self {
            Self::Json => json::fields(body)?,
            Self::Form => form_urlencoded::parse(form_text(body)?).into_owned().collect(),
            Self::Multipart(boundary) => multipart::fields(body, boundary).collect::<Result<_, _>>()?,
            Self::Csv { .. } | Self::JsonLines { .. } => return Err(no_file()),
        };
        let mut fields = HashMap::with_capacity(list.len());
        for (name, text) in list {
            match fields.entry(name) {
                Entry::Vacant(place) => place.insert(text),
                Entry::Occupied(earlier) => return Err(Problem::repeated_parameter(earlier.key())),
            };
        }
        Ok(fields)
    }
}

/// Returns the call that applies an operation to one contact.
fn call_for_one(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "/api/contacts/new",
        Operation::Replace => "PUT /api/contacts/ID/edit",
        Operation::Update => "PATCH /api/contacts/ID/edit",
    }
}

/// Returns the calls that apply an operation to lists.
fn calls_for_lists(operation: Operation) -> &'static str {
    match operation {
        Operation::Create => "/api/contacts/batch/new or /api/contacts/bulk/new",
        Operation::Replace => "PUT /api/contacts/batch/edit or PUT /api/contacts/bulk/edit",
        Operation::Update => "PATCH /api/contacts/batch/edit or PATCH /api/contacts/bulk/edit",
    }
}

/// Returns the problem of a type that no body can have here.
fn unsupported(essence: &str) -> Problem {
    Problem::unsupported_type(match OtherKind::of_type(essence) {
        Some(kind) => format!(
            "'{essence}' is the type of {}. Nothing was stored. {} The bulk endpoints take that file as text/csv.",
            kind.noun(),
            kind.cure()
        ),
        None => format!(
            "'{essence}' is not a type this call takes; send application/json, application/x-www-form-urlencoded or multipart/form-data. The bulk endpoints also take text/csv and application/x-ndjson."
        ),
    })
}

/// Returns the problem of a file where there is no job to be made of it.
fn no_file() -> Problem {
    Problem::unsupported_type(
        "A file of contacts becomes a job. Nothing was stored. Send it to /api/contacts/bulk/new, /api/contacts/bulk/edit or /api/contacts/importCsv.",
    )
}

/// Refuses a list that a client put into a member of an object, as other APIs want it: read by the rules, the list would be one
/// contact under the key `contacts`, without any fields. A list may have the form of an object with numbers as names.
fn refuse_wrapped_list(list: &ItemList) -> Result<(), Problem> {
    let Some(keys) = &list.keys else { return Ok(()) };
    let is_list = |key: &str, item: &str| {
        ["contacts", "data"].contains(&key) && (item.starts_with('[') || has_numbered_members(item))
    };
    let mut wrapper = None;
    for (key, item) in keys.iter().zip(&list.items) {
        if is_list(key, item) {
            wrapper = Some(key);
        } else if item.starts_with('{') {
            return Ok(());
        }
    }
    match wrapper {
        Some(key) => Err(Problem::bad_request(format!(
            "The body is an object whose member '{key}' has the contacts. Nothing was stored. Send the list itself, without '{key}' around it."
        ))),
        None => Ok(()),
    }
}

/// Refuses one contact in a member of an object, or a list of them.
fn refuse_wrapped_item(item: &str) -> Result<(), Problem> {
    let Ok(members) = serde_json::from_str::<HashMap<String, &RawValue>>(item) else { return Ok(()) };
    let mut members = members.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else { return Ok(()) };
    let value = value.get();
    let has_contacts =
        value.starts_with('{') || value.strip_prefix('[').is_some_and(|list| list.trim_start().starts_with('{'));
    if ["contacts", "contact", "data"].contains(&name.as_str()) && has_contacts {
        return Err(Problem::bad_request(format!(
            "The body is an object whose member '{name}' has the contact. Nothing was stored. Send the contact itself, without '{name}' around it."
        )));
    }
    Ok(())
}

/// Returns whether a JSON text is an object with members, all of which have whole numbers as names.
fn has_numbered_members(item: &str) -> bool {
    let members = serde_json::from_str::<HashMap<String, IgnoredAny>>(item).unwrap_or_default();
    !members.is_empty() && members.keys().all(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns whether a JSON text is a list of objects in the form of an object, as forms have it.
fn has_numbered_objects(item: &str) -> bool {
    let members = serde_json::from_str::<HashMap<String, &RawValue>>(item).unwrap_or_default();
    let is_one =
        |name: &str, value: &RawValue| name.bytes().all(|byte| byte.is_ascii_digit()) && value.get().starts_with('{');
    !members.is_empty() && members.iter().all(|(name, value)| is_one(name, value))
}

/// Returns whether the type of a table says that it has no header.
fn has_no_header(parts: &HeaderValueParts<'_>) -> Result<bool, Problem> {
    match parts.parameter("header") {
        None => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("present") => Ok(false),
        Some(value) if value.eq_ignore_ascii_case("absent") => Ok(true),
        Some(value) => Err(Problem::bad_request(format!(
            "The Content-Type has header={}, which must be present or absent. Nothing was stored.",
            value.chars().take(50).collect::<String>()
        ))),
    }
}

/// Names a file that is no text, instead of calling it JSON that cannot be read.
fn json_body(body: &[u8]) -> Result<&[u8], Problem> {
    match OtherKind::of_bytes(body) {
        Some(kind) => Err(ImportError::NotText(kind).into()),
        None => Ok(body),
    }
}

/// Refuses what a client sent as a form and is none, as `curl -d` and `--data-binary` do unless they are given a type: read as a
/// form, the body would be contacts without any fields.
fn form_text(body: &[u8]) -> Result<&[u8], Problem> {
    let (what, content_type) = if let Some(kind) = OtherKind::of_bytes(body) {
        return Err(Problem::unsupported_type(format!(
            "The body is {}. Nothing was stored. {}",
            kind.noun(),
            kind.cure()
        )));
    } else if has_joined_objects(body) {
        return Err(Problem::unsupported_type(
            "The body is several JSON objects without line breaks between them, and its Content-Type says that it is a form. Nothing was stored. If it is a file of JSON lines, send it with 'Content-Type: application/x-ndjson' to a bulk endpoint, and with curl's --data-binary, because -d leaves out the line breaks.",
        ));
    } else if is_json(first_line(body).0) && !is_json(body) {
        ("JSON lines", "application/x-ndjson' to a bulk endpoint")
    } else if is_json(body) || begins_like_json(body) {
        ("JSON", "application/json'")
    } else if is_table(body) {
        ("a table", "text/csv' to a bulk endpoint")
    } else {
        return Ok(body);
    };
    Err(Problem::unsupported_type(format!(
        "The body is {what}, but its Content-Type says that it is a form. Send it with 'Content-Type: {content_type}."
    )))
}

/// Returns whether a text begins with a bracket and what can stand behind it only in JSON, also if it is broken further on.
fn begins_like_json(text: &[u8]) -> bool {
    let mut signs = text.iter().filter(|byte| !byte.is_ascii_whitespace());
    matches!((signs.next(), signs.next()), (Some(b'['), Some(b'{' | b'[' | b'"')) | (Some(b'{'), Some(b'"')))
}

/// Returns whether a text is JSON objects one after another in one line, as `curl -d` makes it of JSON lines.
fn has_joined_objects(text: &[u8]) -> bool {
    let (line, has_more) = first_line(text);
    if has_more || !line.starts_with(b"{\"") {
        return false;
    }
    let mut objects = serde_json::Deserializer::from_slice(line).into_iter::<IgnoredAny>();
    objects.next().is_some_and(|first| first.is_ok())
        && line.get(objects.byte_offset()..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"{"))
}

fn is_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'[' | b'{')) && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Returns whether a body is a table rather than a form: a form has no line ends, has `=` in each field, and no field's name has a
/// sign that separates cells. `curl -d @FILE` leaves out the line ends of a table.
fn is_table(body: &[u8]) -> bool {
    let (line, has_more) = first_line(body);
    let names_separator = line.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case(b"sep=")) && line.len() <= 5;
    let first_name = line.split(|byte| matches!(byte, b'=' | b'&')).next().unwrap_or_default();
    let has_cells = first_name.iter().any(|byte| b",;\t|".contains(byte));
    (names_separator && has_more) || has_cells || (!line.contains(&b'=') && has_more)
}

/// Returns the first line of a text, and whether there are more.
fn first_line(text: &[u8]) -> (&[u8], bool) {
    let text = text.trim_ascii();
    let end = text.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
    (end.and_then(|end| text.get(..end)).unwrap_or(text), end.is_some())
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{CONTENT_TYPE, HeaderValue};

    use super::{Format, form_text};

    #[test]
    fn types_say_how_tables_are_written() {
        for (value, expected) in [
            ("text/csv", Ok((false, false))),
            ("Text/CSV; charset=utf-8; Header=Present", Ok((false, false))),
            ("text/csv; header=\"absent\"", Ok((true, false))),
            ("text/tab-separated-values", Ok((false, true))),
            ("text/csv; header=maybe", Err("header=maybe, which must be present or absent")),
            (
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                Err("an Excel workbook (.xlsx). Nothing was stored. Open it in Excel"),
            ),
            ("application/pdf", Err("a PDF document")),
            ("application/xml", Err("is not a type this call takes")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            match (Format::from_headers(&headers), expected) {
                (Ok(Format::Csv { has_no_header, is_tab_separated, .. }), Ok(expected)) => {
                    assert_eq!((has_no_header, is_tab_separated), expected, "{value}");
                }
                (Err(problem), Err(part)) => assert!(problem.message().contains(part), "{}", problem.message()),
                (found, _) => panic!("{value}: {found:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_form_is_told_from_forms() {
        for (body, expected) in [
            ("0[email]=a%40b.co&0[tags][]=x", None),
            ("email=a@b.co\n", None),
            ("email=a\r\nb", None),
            ("0[a]=1,2;3", None),
            ("x", None),
            ("", None),
            ("5[]=a&[]=b&x", None),
            (" [{\"email\":\"a\"}]", Some("application/json")),
            ("{\"a\":1}\n{\"b\":2}\n", Some("application/x-ndjson")),
            ("{\"a\":1}{\"b\":2}{\"c\"", Some("--data-binary")),
            ("email,firstname\na@b.co,Ada=Eve\n", Some("text/csv")),
            ("email\r\na@b.co", Some("text/csv")),
            ("sep=;\nemail;x", Some("text/csv")),
            ("email;firstnamea@b.co;Ada", Some("text/csv")),
            ("email,notea@b.co,a=b&0[email]=c@d.co", Some("text/csv")),
            ("[{\"email\":\"a@b.co\",\"x\":1},]", Some("application/json")),
            ("{\"email\":\"a=b\"", Some("application/json")),
            ("[a]=1&[b]=2", None),
            ("email=a,b;c&x=1|2", None),
            ("PK\u{3}\u{4}", Some("ZIP archive")),
        ] {
            match (form_text(body.as_bytes()), expected) {
                (Ok(_), None) => {}
                (Err(problem), Some(part)) => assert!(problem.message().contains(part), "{}", problem.message()),
                (found, _) => panic!("{body:?}: {found:?}"),
            }
        }
    }
}
