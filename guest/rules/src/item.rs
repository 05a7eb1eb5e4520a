//! One item of a batch: read once, before it is known which contact it goes to.

use crate::contact::Value;
use crate::faults::Faults;
use crate::in_play::KeyText;
use crate::json;
use crate::kinds::{self, Places};
use crate::model::{Operation, Profile};
use crate::schema::{Schema, Slot, normal_form};
use crate::specials::{Edits, Special};

/// Longest item, in bytes: four times what a contact may take. Reading one takes memory in proportion to it.
const ITEM_LIMIT: usize = 1 << 20;

/// What an item says.
#[derive(Debug, Default)]
pub(crate) struct Item {
    /// The contact it names; never for `create`, where Mautic drops it.
    pub(crate) id: Option<u64>,
    /// Places of fields and what they are to hold; `None` is a blank. Each place once.
    pub(crate) sent: Vec<(usize, Option<Value>)>,
    /// The unique values among them.
    pub(crate) keys: Vec<KeyText>,
    pub(crate) edits: Edits,
    /// Whether blanks replace values where they would be skipped.
    pub(crate) overwrites_with_blank: bool,
    pub(crate) faults: Faults,
}

/// What reading an item takes.
pub(crate) struct Reader<'a> {
    pub(crate) operation: Operation,
    pub(crate) profile: &'a Profile,
    pub(crate) schema: &'a Schema,
    pub(crate) places: &'a Places,
}

impl Reader<'_> {
    /// The item in `text`, or a sentence that says why it is none. `seen` has room for each field.
    pub(crate) fn read(&self, text: &str, seen: &mut [bool]) -> Result<Item, String> {
        let Self { operation, profile, schema, places } = *self;
        if text.len() > ITEM_LIMIT {
            return Err(format!("A contact is sent in {ITEM_LIMIT} bytes at most."));
        }
        seen.fill(false);
        let members = match json::members(text, |name| schema.slot(name)) {
            Ok(Some(members)) => members,
            Ok(None) => return Err("A contact must be a JSON object.".to_owned()),
            Err(error) => return Err(format!("This contact cannot be read: {error}.")),
        };
        let mut item = Item { sent: Vec::with_capacity(members.len()), ..Item::default() };
        let mut seen_specials = Vec::new();
        // From the end: of a name that is repeated the last value counts, as in most readers of JSON.
        for (slot, raw) in members.iter().rev() {
            match *slot {
                Slot::Field(place) => {
                    let (Some(rule), Some(seen)) = (schema.rules.get(place), seen.get_mut(place)) else {
                        continue;
                    };
                    if std::mem::replace(seen, true) {
                        continue;
                    }
                    match kinds::take(rule, raw, places) {
                        Ok(value) => item.sent.push((place, value)),
                        Err(fault) => item.faults.add(schema, place, fault),
                    }
                }
                Slot::Special(special) if seen_specials.contains(&special) => {}
                Slot::Special(special) => {
                    seen_specials.push(special);
                    match special {
                        Special::Id if operation == Operation::Create => {}
                        Special::Id => item.id = raw.as_id(),
                        Special::OverwriteWithBlank => item.overwrites_with_blank = raw.is_truthy(),
                        _ => {
                            if let Err(fault) = item.edits.read(special, raw, profile) {
                                item.faults.add_special(special, fault);
                            }
                        }
                    }
                }
            }
        }
        item.keys = item.unique_values(schema);
        Ok(item)
    }
}

impl Item {
    fn unique_values(&self, schema: &Schema) -> Vec<KeyText> {
        let key = |(field, &unique): (usize, &usize)| {
            let (_, value) = self.sent.iter().find(|(place, _)| *place == unique)?;
            Some((field, normal_form(value.as_ref()?)?))
        };
        schema.unique.iter().enumerate().filter_map(key).collect()
    }
}
