//! The stored form of a contact: a JSON object of all values that are not blank.
//!
//! Reading never fails: a value in a form that this crate does not write counts as blank.

use std::borrow::Cow;
use std::rc::Rc;

use serde::Serialize;

use super::{Contact, DoNotContact};
use crate::json::{Raw, members, push_name, push_text, push_value, push_whole, quoted_name};
use crate::schema::Schema;
use crate::shared_text::SharedText;
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
    pub(crate) fn read(document: String, schema: &Schema) -> Self {
        let mut contact = Self::default();
        let document = Rc::new(document);
        let shared = |raw: &Raw<'_>| text(raw).map(|text| SharedText::of(&document, text));
        for (member, raw) in members(&document, member).ok().flatten().unwrap_or_default() {
            match member {
                Member::Fields => contact.read_fields(raw, &document, schema),
                Member::Owner => contact.owner = raw.as_id(),
                Member::Stage => contact.stage = raw.as_id(),
                Member::Companies => contact.companies = raw.entries().iter().filter_map(Raw::as_id).collect(),
                Member::Tags => contact.tags = raw.entries().iter().filter_map(own_text).collect(),
                Member::DoNotContact => {
                    contact.do_not_contact = raw.entries().iter().filter_map(do_not_contact).collect();
                }
                Member::IpAddresses => contact.ip_addresses = raw.entries().iter().filter_map(own_text).collect(),
                Member::LastActive => contact.last_active = shared(&raw),
                Member::DateAdded => contact.date_added = shared(&raw),
                Member::DateModified => contact.date_modified = shared(&raw),
            }
        }
        contact
    }

    fn read_fields(&mut self, raw: Raw<'_>, document: &Rc<String>, schema: &Schema) {
        let placed = |alias: &str| Some(schema.position(alias).ok_or_else(|| alias.to_owned()));
        for (position, raw) in raw.members(placed) {
            let value = value(&raw).map(|value| value.map_text(|text| SharedText::of(document, text)));
            match position {
                Ok(position) => self.values.set(position, value),
                Err(alias) => self.orphaned.extend(value.map(|value| (alias, value))),
            }
        }
    }

    /// Returns the JSON text to store.
    pub(crate) fn document(&self, schema: &Schema) -> String {
        let mut json = String::with_capacity(TYPICAL_DOCUMENT_BYTES);
        json.push_str(r#"{"fields":{"#);
        for (position, value) in self.values.iter() {
            push_field(&mut json, schema.rules.get(position).map_or("", |rule| &rule.quoted_name), value);
        }
        for (alias, value) in &self.orphaned {
            push_field(&mut json, &quoted_name(alias), value);
        }
        json.push('}');
        push_member(&mut json, r#""owner":"#, self.owner.as_ref());
        push_member(&mut json, r#""stage":"#, self.stage.as_ref());
        push_member(&mut json, r#""companies":"#, filled(&self.companies));
        push_member(&mut json, r#""tags":"#, filled(&self.tags));
        push_member(&mut json, r#""doNotContact":"#, filled(&self.do_not_contact));
        push_member(&mut json, r#""ipAddresses":"#, filled(&self.ip_addresses));
        push_time(&mut json, r#""lastActive":"#, self.last_active.as_deref());
        push_time(&mut json, r#""dateAdded":"#, self.date_added.as_deref());
        push_time(&mut json, r#""dateModified":"#, self.date_modified.as_deref());
        json.push('}');
        json
    }
}

fn text<'a>(raw: &Raw<'a>) -> Option<Cow<'a, str>> {
    match raw {
        Raw::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn own_text(raw: &Raw<'_>) -> Option<String> {
    text(raw).map(Cow::into_owned)
}

fn value<'a>(raw: &Raw<'a>) -> Option<Value<Cow<'a, str>>> {
    match raw {
        Raw::Text(text) if text.is_empty() => None,
        Raw::Text(text) => Some(Value::Text(text.clone())),
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
            0 => entry.channel = own_text(&raw)?,
            1 => entry.reason = raw.as_id()?.try_into().ok()?,
            2 => entry.comments = own_text(&raw)?,
            _ => entry.date_added = own_text(&raw)?,
        }
    }
    (!entry.channel.is_empty()).then_some(entry)
}

fn filled<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

fn push_field(json: &mut String, quoted_name: &str, value: &Value) {
    push_name(json, quoted_name);
    match value {
        Value::Text(text) => push_text(json, text),
        Value::Number(Number::Whole(whole)) => push_whole(json, *whole),
        Value::Number(_) | Value::Bool(_) => push_value(json, value),
    }
}

fn push_member<T: Serialize + ?Sized>(json: &mut String, quoted_name: &str, value: Option<&T>) {
    if let Some(value) = value {
        push_name(json, quoted_name);
        push_value(json, value);
    }
}

fn push_time(json: &mut String, quoted_name: &str, time: Option<&str>) {
    if let Some(time) = time {
        push_name(json, quoted_name);
        push_text(json, time);
    }
}
