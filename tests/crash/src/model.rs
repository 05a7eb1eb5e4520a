//! A model of a tenant: the expected contacts and rows.

use std::collections::HashMap;

use bulkhead_tests::Rng;
use serde_json::{Value, json};

/// Items that a server commits together.
pub(crate) const CHUNK: usize = 500;
/// Addresses of a tenant's items: few, so that jobs change the same contacts.
const ADDRESSES: u64 = 1_500;

/// An expected row: the contact's id and the item's status.
pub(crate) type Row = (Option<u64>, u16);

/// An expected contact.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    pub(crate) email: String,
    pub(crate) city: String,
    pub(crate) points: u64,
    /// The applied items, in order.
    pub(crate) tags: Vec<String>,
    /// How often the contact was written.
    pub(crate) version: u64,
    /// The job and chunk that wrote the contact last.
    written_by: (usize, usize),
}

/// A job to send, and its expected rows.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) items: Value,
    /// A row for each item.
    pub(crate) rows: Vec<Row>,
}

/// A tenant's contacts, whose ids start at 1.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) contacts: Vec<Contact>,
    by_email: HashMap<String, usize>,
    jobs: usize,
}

impl Model {
    /// Invents the next job and applies it to the model.
    pub(crate) fn next_job(&mut self, rng: &mut Rng) -> Planned {
        self.jobs += 1;
        let count = 1 + usize::try_from(rng.below(1_600)).expect("it is small");
        let kind = if self.contacts.is_empty() { 0 } else { rng.below(3) };
        let (method, path) = [
            ("POST", "/api/contacts/bulk/new"),
            ("PATCH", "/api/contacts/bulk/edit"),
            ("PUT", "/api/contacts/bulk/edit"),
        ][usize::try_from(kind).expect("it is small")];
        let mut items = Vec::with_capacity(count);
        let mut rows = Vec::with_capacity(count);
        for place in 0..count {
            let (item, row) = match kind {
                0 => self.create(rng, place),
                1 => self.patch(rng, place),
                _ => self.put(rng, place),
            };
            items.push(item);
            rows.push(row);
        }
        Planned { method, path, items: Value::Array(items), rows }
    }

    /// Returns a text that only this item has.
    fn mark(&self, place: usize) -> String {
        format!("j{}i{place}", self.jobs)
    }

    fn create(&mut self, rng: &mut Rng, place: usize) -> (Value, Row) {
        if rng.below(50) == 0 {
            return (json!({"email": "no address", "city": self.mark(place)}), (None, 400));
        }
        let email = format!("c{}@example.com", rng.below(ADDRESSES));
        let (mark, points) = (self.mark(place), rng.below(1_000));
        let (index, status) = match self.by_email.get(&email) {
            Some(index) => (*index, 200),
            None => {
                self.contacts.push(Contact { email: email.clone(), ..Contact::default() });
                self.by_email.insert(email.clone(), self.contacts.len() - 1);
                (self.contacts.len() - 1, 201)
            }
        };
        let item = json!({"email": email, "city": mark, "points": points, "tags": [mark]});
        (item, (Some(self.write(index, place, Some(points))), status))
    }

    fn patch(&mut self, rng: &mut Rng, place: usize) -> (Value, Row) {
        if rng.below(50) == 0 {
            let id = 1_000_000 + rng.below(1_000);
            return (json!({"id": id, "city": self.mark(place)}), (Some(id), 404));
        }
        let (index, mark) = (self.any(rng), self.mark(place));
        let id = self.write(index, place, None);
        (json!({"id": id, "city": mark, "tags": [mark]}), (Some(id), 200))
    }

    fn put(&mut self, rng: &mut Rng, place: usize) -> (Value, Row) {
        let (index, mark, points) = (self.any(rng), self.mark(place), rng.below(1_000));
        let email = self.contacts[index].email.clone();
        let id = self.write(index, place, Some(points));
        (json!({"id": id, "email": email, "city": mark, "points": points, "tags": [mark]}), (Some(id), 200))
    }

    fn any(&self, rng: &mut Rng) -> usize {
        usize::try_from(rng.below(self.contacts.len() as u64)).expect("it is small")
    }

    /// Applies an item. Returns the contact's id.
    fn write(&mut self, index: usize, place: usize, points: Option<u64>) -> u64 {
        let mark = self.mark(place);
        let chunk = (self.jobs, place / CHUNK);
        let contact = &mut self.contacts[index];
        contact.points = points.unwrap_or(contact.points);
        contact.city.clone_from(&mark);
        contact.tags.push(mark);
        // Several items of a chunk write a contact once.
        if contact.written_by != chunk || contact.version == 0 {
            contact.version += 1;
            contact.written_by = chunk;
        }
        index as u64 + 1
    }
}
