//! A mapping that was sent with a table: which column becomes which field.

use std::collections::HashMap;

use super::ImportError;
use super::error::shown;
use super::targets::Targets;
use crate::harmless_text::is_unprintable;
use crate::operator_json::{JsonError, JsonText};

/// Members of a mapping at most: a table has no more columns.
const MAX_MEMBERS: usize = 1_000;
/// Bytes of a mapping at most.
const MAX_BYTES: usize = 256 << 10;
/// Columns that an error names at most.
const MAX_SHOWN: usize = 10;

/// A mapping that was sent with a table: each pair has a column and a field, in either order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnMapping(Vec<(String, String)>);

impl ColumnMapping {
    /// Reads a JSON object of texts.
    ///
    /// # Errors
    /// If it is none, has a member twice, or is too large.
    pub fn parse(text: &str) -> Result<Self, ImportError> {
        if text.len() > MAX_BYTES {
            return Err(ImportError::LargeMapping { what: "bytes", count: text.len(), limit: MAX_BYTES });
        }
        let unreadable = |error: JsonError| ImportError::UnreadableMapping(error.to_string());
        let members = JsonText::parse(text).and_then(|text| text.members()).map_err(unreadable)?.into_values();
        if members.len() > MAX_MEMBERS {
            return Err(ImportError::LargeMapping { what: "members", count: members.len(), limit: MAX_MEMBERS });
        }
        let pair = |(name, value): (String, JsonText<'_>)| Ok((name, value.text().map_err(unreadable)?));
        members.into_iter().map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the fields of columns, in order. Columns that the mapping does not name become none.
    ///
    /// # Errors
    /// If the mapping names a column or a field that does not exist, two fields for one column, or two columns for one field.
    pub(super) fn apply<'a>(&self, names: &[&str], targets: &Targets<'a>) -> Result<Vec<Option<&'a str>>, ImportError> {
        let places: HashMap<&str, usize> = names.iter().enumerate().map(|(place, name)| (*name, place)).collect();
        let (mut fields, mut taken) = (vec![None; names.len()], HashMap::new());
        for (left, right) in &self.0 {
            let (left, right) = (left.trim(), right.trim());
            let either_way = [(left, right), (right, left)].into_iter().find_map(|(column, field)| {
                let (name, place) = places.get_key_value(column)?;
                Some((*name, *place, targets.exact(field)?))
            });
            let Some((name, place, field)) = either_way else {
                let is_column = |text: &str| places.contains_key(text);
                let is_field = |text: &str| targets.exact(text).is_some();
                return Err(unknown(left, right, is_column, is_field, names));
            };
            if let Some(other) = taken.insert(field, name).filter(|other| *other != name) {
                let mapping = example_mapping([(other, field)]);
                return Err(ImportError::SameTarget(shown(other), shown(name), field.to_owned(), mapping));
            }
            let Some(slot) = fields.get_mut(place) else { continue };
            if let Some(other) = slot.replace(field).filter(|other| *other != field) {
                return Err(ImportError::TwoTargets(shown(name), other.to_owned(), field.to_owned()));
            }
        }
        Ok(fields)
    }
}

/// Bytes of an example at most; what is beyond is left out.
const MAX_EXAMPLE_BYTES: usize = 200;

/// Returns a mapping of columns as it can be sent. Columns whose names have signs that a shell or JSON escapes are left out, unless
/// there would be none.
pub(super) fn example_mapping<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let is_plain = |name: &str| !name.contains(|sign| is_unprintable(sign) || "\t\"'\\{}".contains(sign));
    let mut members = String::new();
    for (column, field) in pairs.into_iter().filter(|(column, _)| is_plain(column)) {
        let member = format!("\"{column}\":\"{field}\"");
        if members.len() + member.len() > MAX_EXAMPLE_BYTES {
            break;
        }
        members.push_str(if members.is_empty() { "" } else { "," });
        members.push_str(&member);
    }
    if members.is_empty() { String::from(r#"{"Your column":"email"}"#) } else { format!("{{{members}}}") }
}

/// Says what of a pair is unknown.
fn unknown(
    left: &str,
    right: &str,
    is_column: impl Fn(&str) -> bool,
    is_field: impl Fn(&str) -> bool,
    names: &[&str],
) -> ImportError {
    let column = |name: &str| ImportError::UnknownColumn(shown(name), shown_names(names));
    let field = |column: &str, name: &str| ImportError::UnknownTarget(shown(column), shown(name));
    if is_column(left) {
        field(left, right)
    } else if is_column(right) {
        field(right, left)
    } else if is_field(left) && !is_field(right) {
        column(right)
    } else {
        column(left)
    }
}

/// Returns the first names of columns, for people.
pub(super) fn shown_names(names: &[&str]) -> String {
    let first = names.iter().take(MAX_SHOWN).map(|name| format!("'{}'", shown(name)));
    let more = if names.len() > MAX_SHOWN { ", …" } else { "" };
    first.collect::<Vec<_>>().join(", ") + more
}

#[cfg(test)]
mod tests {
    use super::super::targets::{TargetField, Targets};
    use super::ColumnMapping;

    fn apply(names: &[&str], mapping: &str) -> Result<Vec<Option<&'static str>>, String> {
        let field = |alias: &str| TargetField { alias: alias.into(), label: String::new(), takes_several: false };
        let fields = ["email", "firstname", "lastname"].map(field);
        let targets = Targets::new(&fields);
        let mapping = ColumnMapping::parse(mapping).map_err(|error| error.to_string())?;
        let found = mapping.apply(names, &targets).map_err(|error| error.to_string())?;
        let known = |field: &str| ["email", "firstname", "lastname", "tags"].into_iter().find(|known| *known == field);
        Ok(found.into_iter().map(|field| field.and_then(known)).collect())
    }

    #[test]
    fn a_mapping_is_read_in_either_direction() {
        for mapping in [
            r#"{"Addr":"email","N":"lastname"}"#,
            r#"{"email":"Addr","lastname":" N "}"#,
            r#"{"email":"Addr","Addr":"email","N":"lastname"}"#,
        ] {
            let expected = vec![Some("email"), Some("lastname"), None];
            assert_eq!(apply(&["Addr", "N", "firstname"], mapping), Ok(expected), "{mapping}");
        }
        assert_eq!(apply(&["a"], "{}"), Ok(vec![None]));
    }

    #[test]
    fn what_a_mapping_cannot_mean_is_refused_by_name() {
        for (mapping, part) in [
            (r#"{"Addr":"e-mail"}"#, "names the field 'e-mail' for the column 'Addr'"),
            (r#"{"e-mail":"Addr"}"#, "names the field 'e-mail' for the column 'Addr'"),
            (r#"{"Nope":"email"}"#, "names the column 'Nope', which the file does not have: it has 'Addr', 'N'."),
            (r#"{"email":"Nope"}"#, "names the column 'Nope'"),
            (r#"{"x":"y"}"#, "names the column 'x'"),
            (r#"{"Addr":"email","N":"email"}"#, "'Addr' and 'N' both mean the field 'email'"),
            (
                r#"{"Addr":"email","firstname":"Addr"}"#,
                "makes two fields of the column 'Addr', 'email' and 'firstname'",
            ),
        ] {
            let error = apply(&["Addr", "N"], mapping).unwrap_err();
            assert!(error.contains(part), "{mapping}: {error}");
        }
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        let many: Vec<String> = (0..1_001).map(|number| format!("\"{number}\":\"email\"")).collect();
        let many = format!("{{{}}}", many.join(","));
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(256 << 10));
        for (text, part) in [
            ("", "the text is empty"),
            ("[]", "this must be an object, not a list"),
            (r#"{"a":1}"#, "a: this must be a text, not a number"),
            (r#"{"a":{"b":"c"}}"#, "a: this must be a text, not an object"),
            (r#"{"a":"b","a":"c"}"#, "a: this is given twice"),
            (r#"{"a":"b"#, "the text ends too early"),
            (&many, "1001 members"),
            (&large, "at most 262144"),
        ] {
            let error = ColumnMapping::parse(text).unwrap_err().to_string();
            assert!(error.contains(part) && error.contains("mapping"), "{error}");
        }
    }
}
