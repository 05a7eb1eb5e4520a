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
        RowBody::Previewed { id, status } => (id.map(ContactId), status, None),
        RowBody::Unchanged { contact: RowContact::Previewed } => (None, 200, None),
        RowBody::Unchanged { .. } => (shown, 200, None),
        RowBody::Failed { id, status, error } => (id.map(ContactId), status, Some(error)),
    };
    CallRow { id, shown, action, status, error, remarks, changes }
}

/// Returns what clients see of a contact that a dry run would create: it has no id yet.
pub(super) fn without_id(object: &str) -> String {
    let Ok(mut members) = serde_json::from_str::<IndexMap<String, &RawValue>>(object) else {
        return String::from("{}");
    };
    if let Some(id) = members.get_mut("id") {
        *id = RawValue::NULL;
    }
    serde_json::to_string(&members).unwrap_or_else(|_| String::from("{}"))
}
