//! One item of a batch. It is read once, before the contact that it applies to is known.

use std::cell::{Cell, RefCell};
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

/// The name of a member that means something.
#[derive(Debug, Clone, Copy)]
struct Name {
    key: ItemKey,
    /// Whether there is no byte order mark before the name.
    is_exact: bool,
}

/// An item's content.
#[derive(Debug, Default)]
pub(crate) struct Item {
    /// The id of the contact that the item names. For `create` it is always `None`, because Mautic ignores the id there.
    pub(crate) id: Option<u64>,
    /// The fields that were sent, each once, with their positions in the catalogue and in this order. A blank value is `None`.
    pub(crate) fields: Vec<(usize, Option<Value>)>,
    /// The unique values among `fields`.
    pub(crate) keys: Vec<NormalizedKey>,
    pub(crate) edits: Edits,
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
    /// Reads the item in `text`. `seen` has one entry for each field of the catalogue; its content does not matter. `order` learns the
    /// order of the item's members.
    ///
    /// # Errors
    ///
    /// If `text` is too large or is not a JSON object. The error is one sentence for the client.
    pub(crate) fn read(&self, text: String, seen: &mut [bool], order: &mut MemberOrder) -> Result<Item, String> {
        let Self { schema, .. } = *self;
        if text.len() > MAX_ITEM_BYTES {
            return Err(format!("A contact in a request may have at most {MAX_ITEM_BYTES} bytes."));
        }
        seen.fill(false);
        let ignored = RefCell::new(IgnoredNames::default());
        let is_in_order = Cell::new(true);
        let meaning = |name: &str| {
            is_in_order.set(false);
            let key = schema.item_key(name);
            if key.is_none() {
                ignored.borrow_mut().add(name);
            }
            Some(Name { key: key?, is_exact: !name.starts_with(BYTE_ORDER_MARK) })
        };
        let text = Rc::new(text);
        let guess = |last: Option<&Name>| {
            let key = order.after(last.map(|name| name.key))?;
            Some((schema.quoted_name(key)?, Name { key, is_exact: true }))
        };
        let members = match json::members_in_order(&text, meaning, guess) {
            Ok(Some(members)) => members,
            Ok(None) => return Err("A contact must be a JSON object.".to_owned()),
            Err(error) => return Err(format!("This contact cannot be read: {error}.")),
        };
        if !is_in_order.get() {
            order.learn(members.iter().map(|(name, _)| name.key));
        }
        let mut ignored = ignored.into_inner();
        let item = Item { fields: Vec::with_capacity(members.len()), ..Item::default() };
        let seen_reserved = Vec::new();
        let mut reading = Reading { reader: self, text: &text, seen, seen_reserved, warnings: Vec::new(), item };
        // From the end, because the last value of a repeated name counts, as in most JSON parsers.
        for (name, raw) in members.iter().rev().filter(|(name, _)| name.is_exact) {
            reading.read(name.key, raw);
        }
        if members.iter().any(|(name, _)| !name.is_exact) {
            reading.read_marked(&members, &mut ignored);
        }
        let Reading { mut warnings, mut item, .. } = reading;
        // The members of many items are in the order of the catalogue, so that little is left to sort.
        item.fields.reverse();
        item.fields.sort_unstable_by_key(|(position, _)| *position);
        item.keys = item.unique_values(schema);
        warnings.sort_unstable();
        let warning = |(position, code): (usize, &'static str)| {
            Some(Warning { field: schema.rules.get(position)?.alias.clone(), code })
        };
        let warnings = warnings.into_iter().filter_map(warning).take(MAX_WARNINGS).collect();
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
    /// For each field of the catalogue, whether it has been read.
    seen: &'a mut [bool],
    seen_reserved: Vec<ReservedKey>,
    /// Positions of fields, with the codes of warnings.
    warnings: Vec<(usize, &'static str)>,
    item: Item,
}

impl Reading<'_> {
    /// Reads a member, unless one with the same meaning has been read.
    fn read(&mut self, key: ItemKey, raw: &Raw<'_>) {
        match key {
            ItemKey::Field(position) => {
                if self.seen.get_mut(position).is_some_and(|seen| !std::mem::replace(seen, true)) {
                    self.read_field(position, raw);
                }
            }
            ItemKey::Reserved(key) => {
                if !self.seen_reserved.contains(&key) {
                    self.seen_reserved.push(key);
                    self.read_reserved(key, raw);
                }
            }
        }
    }

    fn read_field(&mut self, position: usize, raw: &Raw<'_>) {
        let schema = self.reader.schema;
        let Some(rule) = schema.rules.get(position) else {
            return;
        };
        match kinds::parse(rule, raw) {
            Ok(value) => {
                let code = value.as_ref().and_then(|value| kinds::warning(rule, value));
                self.warnings.extend(code.map(|code| (position, code)));
                let value = value.map(|value| value.map_text(|part| SharedText::of(self.text, part)));
                self.item.fields.push((position, value));
            }
            Err(error) => self.item.errors.add(schema, position, error),
        }
    }

    fn read_reserved(&mut self, key: ReservedKey, raw: &Raw<'_>) {
        match key {
            ReservedKey::Id if self.reader.operation == Operation::Create => {}
            ReservedKey::Id => self.item.id = raw.as_id(),
            ReservedKey::OverwriteWithBlank => self.item.overwrites_with_blank = raw.is_truthy(),
            _ => {
                if let Err(error) = self.item.edits.read(key, raw, self.reader.profile) {
                    self.item.errors.add_reserved(key, error);
                }
            }
        }
    }

    /// Reads the members that have a byte order mark before their names. Those without one have been read: they count, wherever they
    /// stand.
    fn read_marked(&mut self, members: &[(Name, Raw<'_>)], ignored: &mut IgnoredNames) {
        let (seen, seen_reserved) = (self.seen.to_vec(), self.seen_reserved.clone());
        for (name, raw) in members.iter().rev().filter(|(name, _)| !name.is_exact) {
            let (is_taken, spelling) = match name.key {
                ItemKey::Field(position) => (seen.get(position) == Some(&true), self.reader.schema.alias(position)),
                ItemKey::Reserved(key) => (seen_reserved.contains(&key), key.name()),
            };
            if is_taken {
                ignored.add(&format!("{BYTE_ORDER_MARK}{spelling}"));
            } else {
                self.read(name.key, raw);
            }
        }
    }
}

impl Item {
    /// Returns the value that was sent for the field at `position`, and `None` if none was sent.
    pub(crate) fn sent(&self, position: usize) -> Option<Option<&Value>> {
        let place = self.fields.binary_search_by_key(&position, |(sent, _)| *sent).ok()?;
        self.fields.get(place).map(|(_, value)| value.as_ref())
    }

    fn unique_values(&self, schema: &Schema) -> Vec<NormalizedKey> {
        let key = |(field, &unique): (usize, &usize)| Some((field, normal_form(self.sent(unique)??)?));
        schema.unique.iter().enumerate().filter_map(key).collect()
    }
}
