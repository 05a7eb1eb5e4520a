//! One item of a batch. It is read once, before the contact that it applies to is known.

use std::rc::Rc;

use crate::ignored_names::IgnoredNames;
use crate::item_errors::ItemErrors;
use crate::json::{self, Raw};
use crate::kinds;
use crate::member_order::MemberOrder;
use crate::model::{Operation, Profile, Remarks, Warning};
use crate::reserved_key::ReservedKey;
use crate::reserved_keys::Edits;
use crate::schema::{BYTE_ORDER_MARK, ItemKey, Schema, normal_form};
use crate::shared_text::SharedText;
use crate::value::Value;
use crate::working_set::NormalizedKey;

/// Largest item, in bytes: four times the largest document. Reading an item takes memory in proportion to its size.
const MAX_ITEM_BYTES: usize = 1 << 20;
/// Largest number of warnings about one item.
const MAX_WARNINGS: usize = 32;
/// Fields for which room is made at first. Most items have fewer.
const TYPICAL_FIELDS: usize = 12;

/// An item's content.
#[derive(Debug, Default)]
pub(crate) struct Item {
    /// The id of the contact that the item names. For `create` it is always `None`, because Mautic ignores the id there.
    pub(crate) id: Option<u64>,
    /// The fields that were sent, each once, with their positions in the catalogue and in this order. A value that is blank, or that
    /// was refused, is `None`.
    pub(crate) fields: Vec<(usize, Option<Value>)>,
    /// The unique values among `fields`.
    pub(crate) keys: Vec<NormalizedKey>,
    /// The changes of reserved keys, which few items have.
    pub(crate) edits: Option<Box<Edits>>,
    /// Whether a blank clears its field in a patch, where blanks are otherwise skipped.
    pub(crate) overwrites_with_blank: bool,
    pub(crate) errors: ItemErrors,
    pub(crate) remarks: Remarks,
}

/// Reads the items of one session.
pub(crate) struct ItemReader<'a> {
    pub(crate) operation: Operation,
    pub(crate) profile: &'a Profile,
    pub(crate) schema: &'a Schema,
}

impl ItemReader<'_> {
    /// Reads the item in `text`. `order` learns the order of the item's members.
    ///
    /// # Errors
    ///
    /// If `text` is too large or is not a JSON object. The error is one sentence for the client.
    pub(crate) fn read(&self, text: String, order: &mut MemberOrder) -> Result<Item, String> {
        let Self { schema, .. } = *self;
        if text.len() > MAX_ITEM_BYTES {
            return Err(format!("A contact in a request may have at most {MAX_ITEM_BYTES} bytes."));
        }
        let text = Rc::new(text);
        let mut ignored = IgnoredNames::default();
        let mut marked = Vec::new();
        let mut item = Item { fields: Vec::with_capacity(TYPICAL_FIELDS), ..Item::default() };
        let seen_reserved = Vec::new();
        let mut reading = Reading {
            reader: self,
            text: &text,
            seen_reserved,
            has_warning: false,
            has_unused_id: false,
            item: &mut item,
        };
        let mut last = None;
        let is_object = json::each_member(&text, |member| {
            let mut is_next = |key| schema.quoted_name(key).is_some_and(|quoted| member.name_as_in(quoted).is_some());
            if let Some(key) = order.after(last).filter(|key| is_next(*key)) {
                last = Some(key);
                reading.read(key, &member.value()?);
                return Some(());
            }
            let name = member.name()?;
            let value = member.value()?;
            let Some(key) = schema.item_key(&name) else {
                ignored.add(&name);
                return Some(());
            };
            order.learn(last, key);
            last = Some(key);
            if name.starts_with(BYTE_ORDER_MARK) {
                marked.push((key, value));
            } else {
                reading.read(key, &value);
            }
            Some(())
        });
        match is_object {
            Ok(true) => {}
            Ok(false) => return Err("A contact must be a JSON object.".to_owned()),
            Err(error) => return Err(format!("This contact cannot be read: {error}.")),
        }
        reading.item.keep_last_values();
        if !marked.is_empty() {
            reading.read_marked(&marked, &mut ignored);
        }
        let has_warning = reading.has_warning;
        if reading.has_unused_id {
            ignored.add("id");
        }
        item.keys = item.unique_values(schema);
        let warnings = if has_warning { item.warnings(schema).take(MAX_WARNINGS).collect() } else { Vec::new() };
        let (ignored, ignored_more) = ignored.into_parts();
        item.remarks = Remarks { warnings, ignored, ignored_more };
        Ok(item)
    }
}

/// An item of which some members have been read.
struct Reading<'a> {
    reader: &'a ItemReader<'a>,
    /// The item's text.
    text: &'a Rc<String>,
    seen_reserved: Vec<ReservedKey>,
    /// Whether there was a warning about a value, which may be one that does not count.
    has_warning: bool,
    /// Whether there was an id, and the operation finds contacts otherwise.
    has_unused_id: bool,
    item: &'a mut Item,
}

impl Reading<'_> {
    /// Reads a member. It counts instead of an earlier one with the same meaning, as in most JSON parsers.
    fn read(&mut self, key: ItemKey, raw: &Raw<'_>) {
        match key {
            ItemKey::Field(position) => self.read_field(position, raw),
            ItemKey::Reserved(key) => self.read_reserved(key, raw),
        }
    }

    fn read_field(&mut self, position: usize, raw: &Raw<'_>) {
        let schema = self.reader.schema;
        let Some(rule) = schema.rules.get(position) else {
            return;
        };
        let value = match kinds::parse(rule, raw) {
            Ok(value) => {
                if !self.item.errors.is_empty() {
                    self.item.errors.remove(position);
                }
                self.has_warning |= value.as_ref().is_some_and(|value| kinds::warning(rule, value).is_some());
                value.map(|value| value.map_text(|part| SharedText::of(self.text, part)))
            }
            Err(error) => {
                self.item.errors.add(schema, position, error);
                None
            }
        };
        self.item.push(position, value);
    }

    fn read_reserved(&mut self, key: ReservedKey, raw: &Raw<'_>) {
        if !self.seen_reserved.contains(&key) {
            self.seen_reserved.push(key);
        }
        match key {
            ReservedKey::Id if self.reader.operation == Operation::Create => {
                self.has_unused_id = raw.as_text().is_none_or(|text| !text.trim().is_empty());
            }
            ReservedKey::Id => self.item.id = raw.as_id(),
            ReservedKey::OverwriteWithBlank => self.item.overwrites_with_blank = raw.is_truthy(),
            _ => match self.item.edits.get_or_insert_default().read(key, raw, self.reader.profile) {
                Ok(()) => self.item.errors.remove_reserved(key),
                Err(error) => self.item.errors.add_reserved(key, error),
            },
        }
    }

    /// Reads the members that have a byte order mark before their names. Those without one have been read: they count, wherever they
    /// stand.
    fn read_marked(&mut self, members: &[(ItemKey, Raw<'_>)], ignored: &mut IgnoredNames) {
        let is_taken = |key: &ItemKey| match key {
            ItemKey::Field(position) => self.item.sent(*position).is_some(),
            ItemKey::Reserved(key) => self.seen_reserved.contains(key),
        };
        let (taken, free): (Vec<_>, Vec<_>) = members.iter().partition(|(key, _)| is_taken(key));
        for (key, _) in taken.iter().rev() {
            let spelling = match key {
                ItemKey::Field(position) => self.reader.schema.alias(*position),
                ItemKey::Reserved(key) => key.name(),
            };
            ignored.add(&format!("{BYTE_ORDER_MARK}{spelling}"));
        }
        for (key, raw) in free {
            self.read(*key, raw);
        }
        self.item.keep_last_values();
    }
}

impl Item {
    fn push(&mut self, position: usize, value: Option<Value>) {
        if self.fields.len() == self.fields.capacity() {
            // Memory is taken for fields, not for the members of an item that repeats a few names.
            self.keep_last_values();
            self.fields.reserve(self.fields.len().max(TYPICAL_FIELDS));
        }
        self.fields.push((position, value));
    }

    /// Brings the fields into the order of the catalogue. Of several values of a field, the last one is kept.
    fn keep_last_values(&mut self) {
        // The members of many items are in the order of the catalogue, so that little is left to sort.
        self.fields.sort_by_key(|(position, _)| *position);
        self.fields.dedup_by(|later, kept| {
            let is_same = later.0 == kept.0;
            if is_same {
                std::mem::swap(later, kept);
            }
            is_same
        });
    }

    /// Returns the value that was sent for the field at `position`, and `None` if none was sent.
    pub(crate) fn sent(&self, position: usize) -> Option<Option<&Value>> {
        let place = self.fields.binary_search_by_key(&position, |(sent, _)| *sent).ok()?;
        self.fields.get(place).map(|(_, value)| value.as_ref())
    }

    fn warnings(&self, schema: &Schema) -> impl Iterator<Item = Warning> {
        self.fields.iter().filter_map(|(position, value)| {
            let rule = schema.rules.get(*position)?;
            let code = kinds::warning(rule, value.as_ref()?)?;
            Some(Warning { field: rule.alias.clone(), code })
        })
    }

    fn unique_values(&self, schema: &Schema) -> Vec<NormalizedKey> {
        let key = |(field, &unique): (usize, &usize)| Some((field, normal_form(self.sent(unique)??)?));
        schema.unique.iter().enumerate().filter_map(key).collect()
    }
}
