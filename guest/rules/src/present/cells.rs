//! Rows of a table of contacts.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::fields::displayed;
use super::with_offset;
use crate::contact::{Contact, DoNotContact};
use crate::model::{Profile, Stored};
use crate::schema::{FieldRule, Schema};
use crate::shared_text::SharedText;
use crate::value::Value;

/// What stands between several values of a cell.
const SEPARATOR: char = '|';

/// Returns for each contact, in order, a JSON list with the text of each column. A column is the alias of a field, or a member that
/// a presented contact has beside its fields.
#[must_use]
pub fn cells(profile: &Profile, columns: &[String], contacts: &[Stored]) -> Vec<String> {
    let schema = Schema::of(profile);
    let columns: Vec<Column<'_>> = columns.iter().map(|column| Column::of(column, &schema)).collect();
    let row = |stored: &Stored| {
        let contact = Contact::read(stored.document.clone(), &schema);
        let mut text = Vec::with_capacity(stored.document.len());
        // Writing to memory does not fail, and serde_json writes UTF-8.
        let is_written =
            serde_json::to_writer(&mut text, &Row { contact: &contact, columns: &columns, profile }).is_ok();
        String::from_utf8(text).ok().filter(|_| is_written).unwrap_or_else(|| "[]".to_owned())
    };
    contacts.iter().map(row).collect()
}

/// What a column shows.
enum Column<'a> {
    Field(usize, &'a FieldRule),
    Tags,
    Owner,
    Stage,
    DoNotContact,
    LastActive,
    DateAdded,
    DateModified,
    Unknown,
}

impl<'a> Column<'a> {
    fn of(name: &str, schema: &'a Schema) -> Self {
        let field = schema.position(name).and_then(|position| Some((position, schema.rules.get(position)?)));
        match (field, name) {
            (Some((position, rule)), _) => Self::Field(position, rule),
            (None, "tags") => Self::Tags,
            (None, "owner") => Self::Owner,
            (None, "stage") => Self::Stage,
            (None, "doNotContact") => Self::DoNotContact,
            (None, "lastActive") => Self::LastActive,
            (None, "dateAdded") => Self::DateAdded,
            (None, "dateModified") => Self::DateModified,
            (None, _) => Self::Unknown,
        }
    }
}

struct Row<'a> {
    contact: &'a Contact,
    columns: &'a [Column<'a>],
    profile: &'a Profile,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_seq(Some(self.columns.len()))?;
        for column in self.columns {
            row.serialize_element(&*self.cell(column))?;
        }
        row.end()
    }
}

impl Row<'_> {
    fn cell(&self, column: &Column<'_>) -> Cow<'_, str> {
        let Self { contact, profile, .. } = *self;
        let datetime =
            |datetime: &Option<SharedText>| Cow::Owned(datetime.as_deref().map(with_offset).unwrap_or_default());
        let shown = |id: Option<u64>, is_known: bool| match id.filter(|_| is_known) {
            Some(id) => Cow::Owned(id.to_string()),
            None => Cow::Borrowed(""),
        };
        match column {
            Column::Field(position, rule) => match contact.value(*position) {
                Some(Value::Text(text)) => Cow::Borrowed(text),
                value => text_of(displayed(rule, value)),
            },
            Column::Tags => joined(&contact.tags),
            Column::Owner => shown(contact.owner, profile.owners.iter().any(|owner| Some(owner.id) == contact.owner)),
            Column::Stage => shown(contact.stage, profile.stages.iter().any(|stage| Some(stage.id) == contact.stage)),
            Column::DoNotContact => entries(&contact.do_not_contact),
            Column::LastActive => datetime(&contact.last_active),
            Column::DateAdded => datetime(&contact.date_added),
            Column::DateModified => datetime(&contact.date_modified),
            Column::Unknown => Cow::Borrowed(""),
        }
    }
}

fn text_of(value: Option<Value>) -> Cow<'static, str> {
    match value {
        None => Cow::Borrowed(""),
        Some(Value::Text(text)) => Cow::Owned(text.to_string()),
        // As JSON has them.
        Some(value @ (Value::Number(_) | Value::Bool(_))) => {
            Cow::Owned(serde_json::to_string(&value).unwrap_or_default())
        }
    }
}

/// An entry as an item has it: without its number and its date, so that the same entry again is no change.
#[derive(serde::Serialize)]
struct Entry<'a> {
    channel: &'a str,
    reason: u8,
    #[serde(skip_serializing_if = "str::is_empty")]
    comments: &'a str,
}

/// Returns the channels on which a contact must not be contacted as a JSON list, or nothing if there are none.
fn entries(entries: &[DoNotContact]) -> Cow<'static, str> {
    if entries.is_empty() {
        return Cow::Borrowed("");
    }
    let entry = |entry: &DoNotContact| {
        serde_json::to_string(&Entry { channel: &entry.channel, reason: entry.reason, comments: &entry.comments })
            .unwrap_or_default()
    };
    Cow::Owned(format!("[{}]", entries.iter().map(entry).collect::<Vec<_>>().join(",")))
}

/// Returns values with a separator between them, or as a JSON list if they would be read as other values then.
fn joined(values: &[String]) -> Cow<'_, str> {
    let is_plain = |value: &String| !value.is_empty() && value.trim() == value && !value.contains([SEPARATOR, '\0']);
    let looks_like_json = |text: &str| text.starts_with('[') && text.ends_with(']');
    let text = match values {
        [] => return Cow::Borrowed(""),
        [value] => Cow::Borrowed(value.as_str()),
        values => Cow::Owned(values.join("|")),
    };
    if values.iter().all(is_plain) && !looks_like_json(&text) {
        text
    } else {
        Cow::Owned(serde_json::to_string(values).unwrap_or_default())
    }
}
