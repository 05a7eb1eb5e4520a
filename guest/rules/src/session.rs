//! A job's batches: read, then settled.

use crate::contact::Contact;
use crate::faults::refusal;
use crate::hashing::Map;
use crate::in_play::{InPlay, KeyText, keys};
use crate::item::{Item, Reader};
use crate::kinds::Places;
use crate::merge::{Form, apply, check_required};
use crate::model::{Key, Objection, Operation, Outcome, Profile, Rejection, Stored, Target, UniqueKey, Write};
use crate::present::check_size;
use crate::schema::Schema;

/// Largest document, in bytes.
const DOCUMENT_LIMIT: usize = 256 * 1024;

/// The work on one job's items: [`Session::plan`] and then [`Session::decide`], batch after batch.
#[derive(Debug)]
pub struct Session {
    operation: Operation,
    profile: Profile,
    schema: Schema,
    places: Places,
    /// What was read of each item, or why it cannot be read.
    planned: Vec<Result<Item, String>>,
}

impl Session {
    /// A session without items. The profile's fields are those that [`crate::fields`] made.
    #[must_use]
    pub fn new(operation: Operation, profile: Profile) -> Self {
        let schema = Schema::of(&profile);
        Self { operation, profile, schema, places: Places::default(), planned: Vec::new() }
    }

    /// Reads the next items, any JSON texts, and says which stored contacts each may touch or clash with.
    ///
    /// One list for each item, in order, of 33 keys at most. What was planned before is forgotten.
    pub fn plan(&mut self, items: Vec<String>) -> Vec<Vec<Key>> {
        let mut seen = vec![false; self.schema.rules.len()];
        let reader =
            Reader { operation: self.operation, profile: &self.profile, schema: &self.schema, places: &self.places };
        let read = |text: String| reader.read(&text, &mut seen);
        self.planned = items.into_iter().map(read).collect();
        self.planned.iter().map(|item| item.as_ref().map(|item| self.wanted(item)).unwrap_or_default()).collect()
    }

    fn wanted(&self, item: &Item) -> Vec<Key> {
        let unique = self.unique_keys(&item.keys).into_iter().map(Key::Unique);
        item.id.map(Key::Id).into_iter().chain(unique).collect()
    }

    fn unique_keys(&self, keys: &[KeyText]) -> Vec<UniqueKey> {
        let named = |(field, value): &KeyText| {
            let rule = self.schema.unique.get(*field).and_then(|&place| self.schema.rules.get(place))?;
            Some(UniqueKey { field: rule.alias.clone(), value: value.clone() })
        };
        keys.iter().filter_map(named).collect()
    }

    /// What becomes of each planned item, in order, given those of the planned contacts that exist.
    ///
    /// Nothing if nothing is planned. An item with objections is rejected.
    pub fn decide(&mut self, found: Vec<Stored>, objections: Vec<Objection>) -> Vec<Outcome> {
        let planned = std::mem::take(&mut self.planned);
        let mut objections = by_index(objections);
        let mut in_play = InPlay::of(found, &self.schema);
        let settle = |(index, item): (u32, Result<Item, String>)| {
            let mut item = match item {
                Ok(item) => item,
                Err(reason) => return Outcome::Reject(refusal(None, 400, reason)),
            };
            for (field, message) in objections.remove(&index).unwrap_or_default() {
                item.faults.add_objection(&self.schema, field, message);
            }
            match self.settle(index, item, &mut in_play) {
                Ok(write) => Outcome::Write(write),
                Err(rejection) => Outcome::Reject(rejection),
            }
        };
        (0..).zip(planned).map(settle).collect()
    }

    fn settle(&self, index: u32, mut item: Item, in_play: &mut InPlay) -> Result<Write, Rejection> {
        let named = match self.operation {
            Operation::Create => in_play.newest_with(&item.keys),
            Operation::Replace | Operation::Update => item.id.and_then(|id| in_play.with_id(id)),
        };
        let form = match (self.operation, named) {
            (Operation::Update, None) => return Err(refusal(item.id, 404, "Item was not found.")),
            (Operation::Create | Operation::Update, Some(_)) => Form::Partial,
            (Operation::Replace, _) | (Operation::Create, None) => Form::Full,
        };
        check_required(&mut item, form, &self.schema);
        self.check_unique(&mut item, named, in_play);
        if !item.faults.is_empty() {
            return Err(std::mem::take(&mut item.faults).into_rejection(item.id));
        }
        self.write(index, item, form, named, in_play)
    }

    fn check_unique(&self, item: &mut Item, named: Option<usize>, in_play: &InPlay) {
        for key in &item.keys {
            let belongs_to = in_play.with_key(key);
            if let Some(&place) = self.schema.unique.get(key.0).filter(|_| belongs_to.is_some() && belongs_to != named)
            {
                item.faults.add_clash(&self.schema, place);
            }
        }
    }

    fn write(
        &self,
        index: u32,
        mut item: Item,
        form: Form,
        named: Option<usize>,
        in_play: &mut InPlay,
    ) -> Result<Write, Rejection> {
        let now = self.profile.now.as_str();
        let id = item.id;
        let known = named.and_then(|number| Some((number, in_play.contact(number)?)));
        let (target, status, mut contact) = match known {
            Some((_, (target, contact))) => (target, 200, contact.clone()),
            None => (Target::New, 201, Contact::new(self.schema.rules.len(), now)),
        };
        let known = known.map(|(number, _)| number);
        let sent_keys = known.is_none().then(|| std::mem::take(&mut item.keys));
        apply(item, form, &mut contact, &self.schema, now);
        if known.is_some() {
            contact.date_modified = Some(now.to_owned());
        }
        let document = contact.document(&self.schema);
        if document.len() > DOCUMENT_LIMIT {
            return Err(refusal(id, 400, format!("A contact takes {DOCUMENT_LIMIT} bytes at most.")));
        }
        check_size(&contact, document.len(), &self.profile, &self.schema).map_err(|why| refusal(id, 400, why))?;
        // A new contact has no values but the item's.
        let keys = sent_keys.unwrap_or_else(|| keys(&contact, &self.schema));
        let unique_keys = self.unique_keys(&keys);
        let words = contact.words(&self.schema);
        let sort = contact.last_active.clone().unwrap_or_default();
        match known {
            Some(number) => in_play.change(number, contact, keys, &self.schema),
            None => in_play.add(index, contact, keys),
        }
        Ok(Write { target, status, document, keys: unique_keys, words, sort })
    }
}

fn by_index(objections: Vec<Objection>) -> Map<u32, Vec<(String, String)>> {
    let mut sorted: Map<u32, Vec<_>> = Map::default();
    for Objection { index, field, message } in objections {
        sorted.entry(index).or_default().push((field, message));
    }
    sorted
}
