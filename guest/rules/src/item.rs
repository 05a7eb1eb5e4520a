//! One item of a batch. It is read once, before the contact that it applies to is known.

use std::cell::RefCell;
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
        let Self { operation, profile, schema } = *self;
        if text.len() > MAX_ITEM_BYTES {
            return Err(format!("A contact in a request may have at most {MAX_ITEM_BYTES} bytes."));
        }
        seen.fill(false);
        let ignored = RefCell::new(IgnoredNames::default());
        let meaning = |name: &str| {
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
        order.learn(members.iter().map(|(name, _)| name.key));
        let mut ignored = ignored.into_inner();
        let mut warnings = Vec::new();
        let mut item = Item { fields: Vec::with_capacity(members.len()), ..Item::default() };
        let (mut seen_reserved, mut seen_exact) = (Vec::new(), None);
        // From the end, because the last value of a repeated name counts, as in most JSON parsers. A name that is spelled as it is
        // counts before one with a byte order mark, wherever it stands.
        let [exact, marked] = [true, false].map(|is_exact| {
            let is_wanted = move |(name, _): &&(Name, Raw<'_>)| name.is_exact == is_exact;
            members.iter().rev().filter(is_wanted)
        });
        for (name, raw) in exact.chain(marked) {
            if !name.is_exact {
                let (fields, reserved): &(Vec<bool>, Vec<ReservedKey>) =
                    seen_exact.get_or_insert_with(|| (seen.to_vec(), seen_reserved.clone()));
                let (is_taken, spelling) = match name.key {
                    ItemKey::Field(position) => (fields.get(position) == Some(&true), schema.alias(position)),
                    ItemKey::Reserved(key) => (reserved.contains(&key), key.name()),
                };
                if is_taken {
                    ignored.add(&format!("{BYTE_ORDER_MARK}{spelling}"));
                    continue;
                }
            }
            match name.key {
                ItemKey::Field(position) => {
                    let (Some(rule), Some(seen)) = (schema.rules.get(position), seen.get_mut(position)) else {
                        continue;
                    };
                    if std::mem::replace(seen, true) {
                        continue;
                    }
                    match kinds::parse(rule, raw) {
                        Ok(value) => {
                            let code = value.as_ref().and_then(|value| kinds::warning(rule, value));
                            warnings.extend(code.map(|code| (position, code)));
                            let value = value.map(|value| value.map_text(|part| SharedText::of(&text, part)));
                            item.fields.push((position, value));
                        }
                        Err(error) => item.errors.add(schema, position, error),
                    }
                }
                ItemKey::Reserved(key) if seen_reserved.contains(&key) => {}
                ItemKey::Reserved(key) => {
                    seen_reserved.push(key);
                    match key {
                        ReservedKey::Id if operation == Operation::Create => {}
                        ReservedKey::Id => item.id = raw.as_id(),
                        ReservedKey::OverwriteWithBlank => item.overwrites_with_blank = raw.is_truthy(),
                        _ => {
                            if let Err(error) = item.edits.read(key, raw, profile) {
                                item.errors.add_reserved(key, error);
                            }
                        }
                    }
                }
            }
        }
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
