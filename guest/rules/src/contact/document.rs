//! The stored form of a contact: a JSON object of all values that are not blank.
//!
//! Reading never fails: a value in a form that this crate does not write counts as blank.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Contact, DoNotContact};
use crate::json::{Raw, members};
use crate::schema::Schema;
use crate::value::{Number, Value};

/// The size of the buffer for a new document, in bytes. Most documents are smaller.
const TYPICAL_DOCUMENT_BYTES: usize = 640;

#[derive(Clone, Copy)]
enum Member {
    Fields,
    Owner,
    Stage,
    Companies,
    Tags,
    DoNotContact,
    IpAddresses,
    LastActive,
    DateAdded,
    DateModified,
}

fn member(name: &str) -> Option<Member> {
    Some(match name {
        "fields" => Member::Fields,
        "owner" => Member::Owner,
        "stage" => Member::Stage,
        "companies" => Member::Companies,
        "tags" => Member::Tags,
        "doNotContact" => Member::DoNotContact,
        "ipAddresses" => Member::IpAddresses,
        "lastActive" => Member::LastActive,
        "dateAdded" => Member::DateAdded,
        "dateModified" => Member::DateModified,
        _ => return None,
    })
}

impl Contact {
    /// Returns the contact that was stored as `document`.
    pub(crate) fn read(document: &str, schema: &Schema) -> Self {
        let mut contact = Self { values: vec![None; schema.rules.len()], ..Self::default() };
        for (member, raw) in members(document, member).ok().flatten().unwrap_or_default() {
            match member {
                Member::Fields => contact.read_fields(&raw, schema),
                Member::Owner => contact.owner = raw.as_id(),
                Member::Stage => contact.stage = raw.as_id(),
                Member::Companies => contact.companies = raw.entries().iter().filter_map(Raw::as_id).collect(),
                Member::Tags => contact.tags = raw.entries().iter().filter_map(text).collect(),
                Member::DoNotContact => {
                    contact.do_not_contact = raw.entries().iter().filter_map(do_not_contact).collect();
                }
                Member::IpAddresses => contact.ip_addresses = raw.entries().iter().filter_map(text).collect(),
                Member::LastActive => contact.last_active = text(&raw),
                Member::DateAdded => contact.date_added = text(&raw),
                Member::DateModified => contact.date_modified = text(&raw),
            }
        }
        contact
    }

    fn read_fields(&mut self, raw: &Raw<'_>, schema: &Schema) {
        let placed = |alias: &str| Some(schema.position(alias).ok_or_else(|| alias.to_owned()));
        for (position, raw) in raw.members(placed) {
            match position {
                Ok(position) => {
                    if let Some(value_slot) = self.values.get_mut(position) {
                        *value_slot = value(&raw);
                    }
                }
                Err(alias) => self.orphaned.extend(value(&raw).map(|value| (alias, value))),
            }
        }
    }

    /// Returns the JSON text to store.
    pub(crate) fn document(&self, schema: &Schema) -> String {
        let mut text = Vec::with_capacity(TYPICAL_DOCUMENT_BYTES);
        let is_written = serde_json::to_writer(&mut text, &Document { contact: self, schema }).is_ok();
        // Writing to memory does not fail, and serde_json writes UTF-8.
        String::from_utf8(text).ok().filter(|_| is_written).unwrap_or_else(|| "{}".to_owned())
    }
}

fn text(raw: &Raw<'_>) -> Option<String> {
    match raw {
        Raw::Text(text) => Some(text.clone().into_owned()),
        _ => None,
    }
}

fn value(raw: &Raw<'_>) -> Option<Value> {
    match raw {
        Raw::Text(text) if text.is_empty() => None,
        Raw::Text(text) => Some(Value::Text(text.clone().into_owned())),
        Raw::Bool(flag) => Some(Value::Bool(*flag)),
        Raw::Number(digits) => {
            let whole = digits.parse().ok().map(Number::Whole);
            let float = || digits.parse().ok().filter(|float: &f64| float.is_finite()).map(Number::Float);
            whole.or_else(float).map(Value::Number)
        }
        _ => None,
    }
}

fn do_not_contact(raw: &Raw<'_>) -> Option<DoNotContact> {
    let known = |name: &str| ["channel", "reason", "comments", "dateAdded"].into_iter().position(|known| known == name);
    let mut entry =
        DoNotContact { channel: String::new(), reason: 0, comments: String::new(), date_added: String::new() };
    for (position, raw) in raw.members(known) {
        match position {
            0 => entry.channel = text(&raw)?,
            1 => entry.reason = raw.as_id()?.try_into().ok()?,
            2 => entry.comments = text(&raw)?,
            _ => entry.date_added = text(&raw)?,
        }
    }
    (!entry.channel.is_empty()).then_some(entry)
}

struct Document<'a> {
    contact: &'a Contact,
    schema: &'a Schema,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let contact = self.contact;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("fields", &Fields { contact, schema: self.schema })?;
        entry_unless_empty(&mut map, "owner", contact.owner.as_ref())?;
        entry_unless_empty(&mut map, "stage", contact.stage.as_ref())?;
        entry_unless_empty(&mut map, "companies", filled(&contact.companies))?;
        entry_unless_empty(&mut map, "tags", filled(&contact.tags))?;
        entry_unless_empty(&mut map, "doNotContact", filled(&contact.do_not_contact))?;
        entry_unless_empty(&mut map, "ipAddresses", filled(&contact.ip_addresses))?;
        entry_unless_empty(&mut map, "lastActive", contact.last_active.as_ref())?;
        entry_unless_empty(&mut map, "dateAdded", contact.date_added.as_ref())?;
        entry_unless_empty(&mut map, "dateModified", contact.date_modified.as_ref())?;
        map.end()
    }
}

fn filled<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

fn entry_unless_empty<M: SerializeMap, T: Serialize + ?Sized>(
    map: &mut M,
    name: &'static str,
    value: Option<&T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(name, value))
}

struct Fields<'a> {
    contact: &'a Contact,
    schema: &'a Schema,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (rule, value) in self.schema.rules.iter().zip(&self.contact.values) {
            if let Some(value) = value {
                map.serialize_entry(rule.alias.as_str(), value)?;
            }
        }
        for (alias, value) in &self.contact.orphaned {
            map.serialize_entry(alias, value)?;
        }
        map.end()
    }
}
