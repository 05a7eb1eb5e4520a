//! Plans and decides the batches of a job.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::contact::Contact;
use crate::item::{Item, ItemReader};
use crate::item_errors::reject_unread;
use crate::member_order::MemberOrder;
use crate::merge::{MergeMode, apply, check_required, keep_shown_numbers};
use crate::model::{Key, Objection, Operation, Outcome, Profile, Rejection, Stored, Target, UniqueKey, Write};
use crate::present::check_presentable;
use crate::schema::{Schema, former_forms};
use crate::shared_text::SharedText;
use crate::working_set::{NormalizedKey, WorkingSet, unique_values};

/// Largest document, in bytes.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;
/// Largest number of keys that an item asks for.
const MAX_KEYS_PER_ITEM: usize = 64;

/// A session on the items of one job. For each batch, call [`Session::plan`] and then [`Session::decide`].
#[derive(Debug)]
pub struct Session {
    operation: Operation,
    profile: Profile,
    schema: Schema,
    /// The profile's `now`.
    now: SharedText,
    /// For each planned item, its content or the reason why it cannot be read.
    planned: Vec<Result<Item, String>>,
}

impl Session {
    /// Returns a session without items. The profile's fields must be a result of [`crate::fields`].
    #[must_use]
    pub fn new(operation: Operation, profile: Profile) -> Self {
        let schema = Schema::of(&profile);
        let now = profile.now.clone().into();
        Self { operation, profile, schema, now, planned: Vec::new() }
    }

    /// Reads the next batch of items, which may be any texts. Returns, for each item in order, the keys of the stored
    /// contacts that the item may change or clash with: at most 64 keys an item.
    ///
    /// Items that were planned before and not decided are dropped.
    pub fn plan(&mut self, items: Vec<String>) -> Vec<Vec<Key>> {
        let mut order = MemberOrder::new(self.schema.rules.len());
        let reader = ItemReader { operation: self.operation, profile: &self.profile, schema: &self.schema };
        let read = |text: String| reader.read(text, &mut order);
        self.planned = items.into_iter().map(read).collect();
        self.planned.iter().map(|item| item.as_ref().map(|item| self.keys_of(item)).unwrap_or_default()).collect()
    }

    fn keys_of(&self, item: &Item) -> Vec<Key> {
        let mut keys = Vec::with_capacity(1 + item.keys.len());
        keys.extend(item.id.map(Key::Id));
        keys.extend(self.unique_keys(&item.keys).map(Key::Unique));
        for (field, &unique) in self.schema.unique.iter().enumerate() {
            let forms = item.sent(unique).flatten().map(former_forms).unwrap_or_default();
            keys.extend(forms.into_iter().filter_map(|form| self.unique_key(field, form)).map(Key::Unique));
        }
        keys.truncate(MAX_KEYS_PER_ITEM);
        keys
    }

    fn unique_keys(&self, keys: &[NormalizedKey]) -> impl Iterator<Item = UniqueKey> {
        keys.iter().filter_map(|(field, value)| self.unique_key(*field, value.clone()))
    }

    /// Returns the key of a value of the unique field with this number.
    fn unique_key(&self, field: usize, value: String) -> Option<UniqueKey> {
        let &position = self.schema.unique.get(field)?;
        Some(UniqueKey { field: self.schema.alias(position).to_owned(), value })
    }

    /// Returns the outcome of each planned item, in order. `found` holds the existing contacts among those that `plan` asked
    /// for. An item with an objection is rejected.
    ///
    /// Returns an empty list if no items are planned.
    pub fn decide(&mut self, found: Vec<Stored>, objections: Vec<Objection>) -> Vec<Outcome> {
        let planned = std::mem::take(&mut self.planned);
        let mut objections = by_index(objections);
        let mut working_set = WorkingSet::of(found, planned.len(), &self.schema);
        let decide_item = |(index, item): (u32, Result<Item, String>)| {
            let mut item = match item {
                Ok(item) => item,
                Err(reason) => return Outcome::Reject(reject_unread(None, 400, reason)),
            };
            // An objection to an earlier item may be left if that item could not be read.
            while let Some(objection) = objections.next_if(|objection| objection.index <= index) {
                let Objection { index: concerned, field, code, message } = objection;
                if concerned == index {
                    item.errors.add_objection(&self.schema, field, code, message);
                }
            }
            match self.decide_item(index, &mut item, &mut working_set) {
                Ok(write) => Outcome::Write(write),
                Err(rejection) => Outcome::Reject(Rejection { remarks: item.remarks, ..*rejection }),
            }
        };
        (0..).zip(planned).map(decide_item).collect()
    }

    fn decide_item(&self, index: u32, item: &mut Item, working_set: &mut WorkingSet) -> Result<Write, Box<Rejection>> {
        let target = match self.operation {
            Operation::Create => working_set.newest_with(&item.keys),
            Operation::Replace | Operation::Update => item.id.and_then(|id| working_set.with_id(id)),
        };
        let mode = match (self.operation, target) {
            (Operation::Update, None) => return Err(reject_unread(item.id, 404, "Item was not found.").into()),
            (Operation::Create | Operation::Update, Some(_)) => MergeMode::Patch,
            (Operation::Replace, _) | (Operation::Create, None) => MergeMode::Replace,
        };
        check_required(item, mode, &self.schema);
        // If no contact has one of the keys, none can clash.
        if self.operation != Operation::Create || target.is_some() {
            self.check_unique(item, target, working_set);
        }
        if !item.errors.is_empty() {
            return Err(std::mem::take(&mut item.errors).into_rejection(item.id).into());
        }
        self.write(index, item, mode, target, working_set)
    }

    fn check_unique(&self, item: &mut Item, target: Option<usize>, working_set: &WorkingSet) {
        for key in &item.keys {
            let belongs_to = working_set.with_key(key);
            if let Some(&position) =
                self.schema.unique.get(key.0).filter(|_| belongs_to.is_some() && belongs_to != target)
            {
                item.errors.add_clash(&self.schema, position);
            }
        }
    }

    fn write(
        &self,
        index: u32,
        item: &mut Item,
        mode: MergeMode,
        target: Option<usize>,
        working_set: &mut WorkingSet,
    ) -> Result<Write, Box<Rejection>> {
        let id = item.id;
        let known = target.and_then(|number| Some((number, working_set.contact(number)?)));
        let (target, status, mut contact) = match known {
            Some((_, (target, contact))) => (target, 200, contact.clone()),
            None => (Target::New, 201, Contact::new(&self.now)),
        };
        if known.is_some() {
            keep_shown_numbers(item, &contact, &self.schema);
        }
        let sent_keys = known.is_none().then(|| std::mem::take(&mut item.keys));
        apply(item, mode, &mut contact, &self.schema, &self.now);
        // An item that says what the contact has already leaves the document as it is, by which the host sees that nothing changed.
        if known.is_some_and(|(_, (_, before))| *before != contact) {
            contact.date_modified = Some(self.now.clone());
        }
        let known = known.map(|(number, _)| number);
        let document = contact.document(&self.schema);
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(reject_unread(
                id,
                400,
                format!("A stored contact may have at most {MAX_DOCUMENT_BYTES} bytes."),
            )
            .into());
        }
        check_presentable(&contact, document.len(), &self.profile, &self.schema)
            .map_err(|why| Box::new(reject_unread(id, 400, why)))?;
        // A new contact has no unique values except those of the item.
        let keys = sent_keys.unwrap_or_else(|| unique_values(&contact, &self.schema));
        let mut unique_keys = Vec::with_capacity(keys.len());
        unique_keys.extend(self.unique_keys(&keys));
        let words = contact.words(&self.schema);
        let sort = contact.last_active.as_deref().unwrap_or_default().to_owned();
        match known {
            Some(number) => working_set.replace(number, contact, keys, &self.schema),
            None => working_set.add(index, contact, keys),
        }
        let remarks = std::mem::take(&mut item.remarks);
        Ok(Write { target, status, document, keys: unique_keys, words, sort, remarks })
    }
}

/// Returns the objections in the order of their items. Those to one item keep their order.
fn by_index(mut objections: Vec<Objection>) -> Peekable<IntoIter<Objection>> {
    objections.sort_by_key(|objection| objection.index);
    objections.into_iter().peekable()
}
