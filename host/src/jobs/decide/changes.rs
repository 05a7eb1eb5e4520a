//! What a dry run says would change: the members of each contact, before and after its item.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::shown_members::{Member, shown_members};
use crate::domain::{ContactId, StoredContact};
use crate::sandbox::{Decision, Outcome, Target, check_presented};

/// Bytes of the changes of one item that are kept. Reading a row needs them in memory.
const MAX_CHANGES_BYTES: usize = 256 << 10;
/// Members that are no change of their own: the id, which a new contact does not have yet, and the times of the change.
const LEFT_OUT: [&str; 3] = ["id", "dateAdded", "dateModified"];

/// The contacts that are to be shown so that a batch's changes can be told.
pub(super) struct Changes<'a> {
    /// Each before and after a change.
    pub(super) contacts: Vec<StoredContact>,
    /// For each item, its change, if there is one.
    pub(super) items: Vec<Option<Change>>,
    /// The places of the contacts' latest states in `contacts`, and the found contacts that have no such place yet.
    latest: Latest<'a>,
}

/// The change of one item: places in [`Changes::contacts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    /// The contact before the item; none for a new contact.
    pub(super) before: Option<usize>,
    /// The contact after the item.
    pub(super) after: usize,
}

struct Latest<'a> {
    found: &'a [StoredContact],
    of_found: Vec<Option<usize>>,
    /// For each item, the contact that it is for: by its place among those found, or by the item that made it.
    owner: Vec<Option<Owner>>,
    of_item: Vec<Option<usize>>,
}

#[derive(Debug, Clone, Copy)]
enum Owner {
    Found(usize),
    Item(usize),
}

impl<'a> Changes<'a> {
    /// Collects the changes of outcomes about these found contacts.
    pub(super) fn of(outcomes: &[Outcome], found: &'a [StoredContact]) -> Self {
        let latest =
            Latest { found, of_found: vec![None; found.len()], owner: Vec::new(), of_item: vec![None; outcomes.len()] };
        let mut changes = Self { contacts: Vec::new(), items: Vec::with_capacity(outcomes.len()), latest };
        for (index, outcome) in outcomes.iter().enumerate() {
            let change = match &outcome.decision {
                Decision::Write { target, document, .. } => changes.add(index, *target, document),
                Decision::Reject { .. } => {
                    changes.latest.owner.push(None);
                    None
                }
            };
            changes.items.push(change);
        }
        changes
    }

    /// Returns what each item would change: the members that differ, by [`changes_between`]. `None` for an item that changes nothing,
    /// and for one whose changes cannot be told. `objects` are [`Self::contacts`] as the processor shows them.
    ///
    /// # Errors
    /// Which of the objects is no JSON object, and why.
    pub(super) fn told(&self, objects: &[String]) -> Result<Vec<Option<String>>, String> {
        // Each is read when it is needed: the members of all would take more memory than the objects.
        let members = |place: usize| -> Result<_, String> {
            let Some(object) = objects.get(place) else { return Ok(None) };
            let members = shown_members(object);
            if members.is_none() {
                check_presented(place, object)?;
            }
            Ok(members)
        };
        let told = |change: &Option<Change>| {
            let Some(Change { before, after }) = *change else { return Ok(None) };
            let before = before.map_or_else(|| Ok(Some(Vec::new())), members)?;
            Ok(before.zip(members(after)?).and_then(|(before, after)| changes_between(&before, &after)))
        };
        self.items.iter().map(told).collect()
    }

    fn add(&mut self, index: usize, target: Target, document: &str) -> Option<Change> {
        let owner = match target {
            Target::New => Owner::Item(index),
            Target::Found(place) => Owner::Found(place),
            Target::Earlier(item) => self.latest.owner.get(item).copied().flatten().unwrap_or(Owner::Item(item)),
        };
        self.latest.owner.push(Some(owner));
        let before = self.before(owner);
        let old = before.and_then(|place| self.contacts.get(place));
        if old.is_some_and(|contact| contact.document == document) {
            return None;
        }
        let id = old.map_or(ContactId(0), |contact| contact.id);
        let after = self.push(StoredContact { id, version: 0, document: document.to_owned(), indexed: None });
        let slot = match owner {
            Owner::Found(place) => self.latest.of_found.get_mut(place),
            Owner::Item(item) => self.latest.of_item.get_mut(item),
        };
        if let Some(slot) = slot {
            *slot = Some(after);
        }
        Some(Change { before, after })
    }

    /// Returns the place of a contact's latest state.
    fn before(&mut self, owner: Owner) -> Option<usize> {
        match owner {
            Owner::Item(item) => self.latest.of_item.get(item).copied().flatten(),
            Owner::Found(place) => match self.latest.of_found.get(place).copied().flatten() {
                Some(latest) => Some(latest),
                None => {
                    let contact = self.latest.found.get(place)?.clone();
                    let pushed = self.push(contact);
                    *self.latest.of_found.get_mut(place)? = Some(pushed);
                    Some(pushed)
                }
            },
        }
    }

    fn push(&mut self, contact: StoredContact) -> usize {
        self.contacts.push(contact);
        self.contacts.len() - 1
    }
}

#[derive(Serialize)]
struct Values<'a> {
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
}

/// Returns the members that differ between a contact before and after a change, as it is shown: a JSON object of their names with
/// both values. The values of fields are members of their own, by alias. A new contact has no members before. Returns `None` if the
/// changes are too large.
fn changes_between(before: &[Member<'_>], after: &[Member<'_>]) -> Option<String> {
    let (old, new) = (by_name(differing(before, after)), by_name(differing(after, before)));
    let mut changes = BTreeMap::new();
    for name in old.keys().chain(new.keys()) {
        let (before_value, after_value) = (old.get(name).copied(), new.get(name).copied());
        let is_same = match (before_value, after_value) {
            (Some(one), Some(other)) => one.get() == other.get(),
            (None, Some(value)) | (Some(value), None) => is_blank(value),
            (None, None) => true,
        };
        if !is_same && !LEFT_OUT.contains(name) {
            changes.insert(*name, Values { before: before_value, after: after_value });
        }
    }
    serde_json::to_string(&changes).ok().filter(|text| text.len() <= MAX_CHANGES_BYTES)
}

/// Returns the members that the others do not have at the same place with the same value. A processor writes a contact's members in
/// one order, so these are few.
fn differing<'m>(members: &'m [Member<'m>], others: &[Member<'_>]) -> impl Iterator<Item = &'m Member<'m>> {
    let is_same = |(name, value): &Member<'_>, place: usize| {
        others.get(place).is_some_and(|(other, other_value)| name == other && value.get() == other_value.get())
    };
    members.iter().enumerate().filter(move |(place, member)| !is_same(member, *place)).map(|(_, member)| member)
}

/// Where two members have one name, the later one counts.
fn by_name<'m>(members: impl Iterator<Item = &'m Member<'m>>) -> BTreeMap<&'m str, &'m RawValue> {
    members.map(|(name, value)| (name.as_ref(), *value)).collect()
}

fn is_blank(value: &RawValue) -> bool {
    matches!(value.get(), "null" | "\"\"" | "[]" | "{}")
}

#[cfg(test)]
mod tests {
    use super::{Change, Changes, Latest};
    use crate::domain::{ContactId, IndexEntry, ItemRemarks, StoredContact};
    use crate::jobs::decide::shown_members::shown_members;
    use crate::sandbox::{Decision, Outcome, Target};

    fn changes_between(before: Option<&str>, after: &str) -> Option<String> {
        let before = before.map_or_else(|| Some(Vec::new()), shown_members)?;
        super::changes_between(&before, &shown_members(after)?)
    }

    #[test]
    fn members_that_differ_are_told_with_both_values() {
        for (before, after, expected) in [
            (Some(r#"{"id":1,"a":1,"b":[1,2]}"#), r#"{"id":1,"a":2,"b":[1,2]}"#, r#"{"a":{"before":1,"after":2}}"#),
            (Some(r#"{"a":1}"#), r#"{"a":1,"b":null,"c":"x"}"#, r#"{"c":{"before":null,"after":"x"}}"#),
            (None, r#"{"id":0,"a":"","b":0}"#, r#"{"b":{"before":null,"after":0}}"#),
            (
                Some(r#"{"fields":{"core":{"x":{"value":"1"}},"all":{"x":"1","y":"2"}},"points":1}"#),
                r#"{"fields":{"core":{"x":{"value":"3"}},"all":{"x":"3","y":"2"}},"points":2}"#,
                r#"{"points":{"before":1,"after":2},"x":{"before":"1","after":"3"}}"#,
            ),
            (
                Some(r#"{"fields":[1]}"#),
                r#"{"fields":[2],"dateModified":"now"}"#,
                r#"{"fields":{"before":[1],"after":[2]}}"#,
            ),
            (Some(r#"{"a":1}"#), r#"{"a":1}"#, "{}"),
        ] {
            assert_eq!(changes_between(before, after).as_deref(), Some(expected), "{before:?}");
        }
        // In another order, and with names twice.
        let (before, after) = (r#"{"a":1,"b":2,"c":3}"#, r#"{"b":2,"a":1,"c":4,"d":[]}"#);
        assert_eq!(changes_between(Some(before), after).as_deref(), Some(r#"{"c":{"before":3,"after":4}}"#));
        let (before, after) = (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#);
        assert_eq!(changes_between(Some(before), after).as_deref(), Some(r#"{"a":{"before":2,"after":3}}"#));
        assert_eq!(changes_between(None, &format!(r#"{{"a":"{}"}}"#, "x".repeat(300 << 10))), None);
    }

    #[test]
    fn an_object_that_is_not_json_is_refused_and_one_that_cannot_be_read_is_passed_over() {
        let change = |before, after| Some(Change { before, after });
        let latest = Latest { found: &[], of_found: Vec::new(), owner: Vec::new(), of_item: Vec::new() };
        let items = vec![change(None, 0), None, change(Some(0), 1), change(Some(1), 2)];
        let changes = Changes { contacts: Vec::new(), items, latest };
        let told = |objects: [&str; 3]| changes.told(&objects.map(str::to_owned));
        let expected = [Some(r#"{"a":{"before":null,"after":1}}"#), None, Some(r#"{"a":{"before":1,"after":2}}"#)];
        let told_before = |objects| told(objects).unwrap().into_iter().take(3).collect::<Vec<_>>();
        // A name with half of a character is JSON, and no text.
        for last in [r#"{"a":2}"#, r#"{"\ud800":1}"#] {
            let told = told_before([r#"{"a":1}"#, r#"{"a":2}"#, last]);
            assert_eq!(told.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{last}");
        }
        for wrong in ["7", "{", "[]", r#"{"a":1}x"#] {
            let refused = told([r#"{"a":1}"#, r#"{"a":2}"#, wrong]).unwrap_err();
            assert!(refused.starts_with("present: contact 2: "), "{refused}");
        }
    }

    #[test]
    fn each_item_changes_what_the_item_before_it_left() {
        let found = [StoredContact { id: ContactId(7), version: 3, document: String::from("f0"), indexed: None }];
        let write = |target, document: &str| {
            let (document, keys, index_entry) = (document.to_owned(), Vec::new(), IndexEntry::default());
            let decision = Decision::Write { target, status: 200, document, keys, index_entry };
            Outcome { decision, remarks: ItemRemarks::default() }
        };
        let outcomes = [
            write(Target::New, "n1"),
            write(Target::Found(0), "f0"),
            write(Target::Found(0), "f1"),
            write(Target::Earlier(0), "n2"),
            write(Target::Earlier(2), "f2"),
            write(Target::Earlier(3), "n2"),
        ];
        let changes = Changes::of(&outcomes, &found);
        let documents: Vec<&str> = changes.contacts.iter().map(|contact| contact.document.as_str()).collect();
        assert_eq!(documents, ["n1", "f0", "f1", "n2", "f2"]);
        let change = |before, after| Some(Change { before, after });
        let expected = [change(None, 0), None, change(Some(1), 2), change(Some(0), 3), change(Some(2), 4), None];
        assert_eq!(changes.items, expected);
    }
}
