//! The rows of a call.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::domain::{Action, ContactId, ItemError, ItemRemarks};
use crate::store::{DraftRow, RowBody, RowContact};

/// The result of one item of a call.
#[derive(Debug)]
pub struct CallRow {
    /// The contact that the item was applied to, or that it named. In a dry run, none for a contact that would be created.
    pub id: Option<ContactId>,
    /// The contact that is shown for the item: in a dry run also one that would be created.
    pub shown: Option<ContactId>,
    /// What became of the item; in a dry run, what would become of it.
    pub action: Action,
    /// The item's HTTP status.
    pub status: u16,
    /// Why the item failed, if it did.
    pub error: Option<ItemError>,
    /// What the client is told besides.
    pub remarks: ItemRemarks,
    /// The members that would change, in a dry run that shows them: a JSON object.
    pub changes: Option<String>,
}

/// The contact that is shown for an item.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shown {
    /// The contact of a write.
    Write(usize),
    /// A contact that is found.
    Contact(Option<u64>),
}

impl Shown {
    pub(super) fn of(body: &RowBody) -> Self {
        match *body {
            RowBody::Written { write, .. } | RowBody::Unchanged { contact: RowContact::Write(write) } => {
                Self::Write(write)
            }
            RowBody::Unchanged { contact: RowContact::Stored(id) } => Self::Contact(Some(id)),
            RowBody::Deleted { id } => Self::Contact(Some(id)),
            RowBody::Failed { id, .. } | RowBody::Previewed { id, .. } => Self::Contact(id),
            RowBody::Unchanged { contact: RowContact::Previewed } => Self::Contact(None),
        }
    }

    fn id(self, ids: &[ContactId]) -> Option<ContactId> {
        match self {
            Self::Write(write) => ids.get(write).copied(),
            Self::Contact(id) => id.map(ContactId),
        }
    }
}

/// Makes the row of an item, given the contacts of the writes.
pub(super) fn call_row(row: DraftRow, ids: &[ContactId], shown: Shown) -> CallRow {
    let DraftRow { body, remarks, changes, .. } = row;
    let action = body.action();
    let shown = shown.id(ids);
    let (id, status, error) = match body {
        RowBody::Written { status, .. } => (shown, status, None),
        RowBody::Deleted { id } => (Some(ContactId(id)), 200, None),
        RowBody::Previewed { id, status } => (id.map(ContactId), status, None),
        RowBody::Unchanged { contact: RowContact::Previewed } => (None, 200, None),
        RowBody::Unchanged { .. } => (shown, 200, None),
        RowBody::Failed { id, status, error } => (id.map(ContactId), status, Some(error)),
    };
    CallRow { id, shown, action, status, error, remarks, changes }
}

/// Returns what clients see of a contact that a dry run would create: it has no id yet, also not among its fields.
pub(super) fn without_id(object: &str) -> String {
    change_member(object, "fields", |fields| change_member(fields, "all", no_id))
        .and_then(|object| no_id(&object))
        .unwrap_or_else(|| String::from("{}"))
}

fn no_id(object: &str) -> Option<String> {
    change_member(object, "id", |_| Some(String::from("null")))
}

/// Changes a member of an object, if there is one that can be changed. Returns `None` if this is no object.
fn change_member(object: &str, name: &str, change: impl FnOnce(&str) -> Option<String>) -> Option<String> {
    let mut members: IndexMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    let changed = members.get(name).and_then(|value| RawValue::from_string(change(value.get())?).ok());
    if let (Some(member), Some(changed)) = (members.get_mut(name), &changed) {
        *member = changed;
    }
    serde_json::to_string(&members).ok()
}

#[cfg(test)]
mod tests {
    use super::without_id;

    #[test]
    fn a_contact_that_would_be_created_has_no_id() {
        for (object, expected) in [
            (r#"{"id":9,"a":1}"#, r#"{"id":null,"a":1}"#),
            (
                r#"{"a":{"id":9},"fields":{"core":{"id":1},"all":{"city":"B","id":"9"}},"id":9}"#,
                r#"{"a":{"id":9},"fields":{"core":{"id":1},"all":{"city":"B","id":null}},"id":null}"#,
            ),
            (r#"{"id":9,"fields":{"all":[]}}"#, r#"{"id":null,"fields":{"all":[]}}"#),
            (r#"{"id":9,"fields":[]}"#, r#"{"id":null,"fields":[]}"#),
            (r#"{"fields":{"all":{"a":1}}}"#, r#"{"fields":{"all":{"a":1}}}"#),
            ("[]", "{}"),
        ] {
            assert_eq!(without_id(object), expected, "{object}");
        }
    }
}
