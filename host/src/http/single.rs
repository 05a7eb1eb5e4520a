//! `POST /api/contacts/new`, `PUT|PATCH /api/contacts/{id}/edit`: applies one item and answers at once, as Mautic does.

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde::Serialize;
use serde_json::value::RawValue;

use super::body::ItemBody;
use super::contacts::raw;
use super::problem::Problem;
use super::remarks::tell_ignored;
use super::reply::{Reply, json};
use crate::domain::{Action, ContactId, DryRun, ItemError, ItemList, ItemRemarks, JobRemarks, Operation, Warning};
use crate::jobs::Call;

/// The answer to a refused item. The order of the members is Mautic's.
#[derive(Serialize)]
struct Refusal {
    errors: [RefusedItem; 1],
}

/// The answer to an applied item.
#[derive(Serialize)]
struct Applied {
    /// Whether there was what the request removed.
    #[serde(rename = "recordFound", skip_serializing_if = "Option::is_none")]
    record_found: Option<bool>,
    contact: Box<RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    #[serde(flatten)]
    preview: Option<Preview>,
}

/// What the answer of a dry run says besides.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preview {
    dry_run: bool,
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct RefusedItem {
    code: u16,
    message: String,
    details: Box<RawValue>,
    /// Why no component could decide on the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
}

/// Applies one item, to the contact `id` if there is an id, or says what would become of it; blocks.
pub(super) fn apply(
    call: &Call<'_>,
    operation: Operation,
    id: Option<ContactId>,
    mut body: ItemBody,
    dry_run: Option<DryRun>,
) -> Result<Reply, Problem> {
    let item = body.take_contact(operation)?;
    let item = id.map_or(item.clone(), |id| with_id(&item, id));
    apply_item(call, operation, item, More { dry_run, ..More::default() })
}

/// What the answer to one item says beside what the component says.
#[derive(Debug, Default)]
pub(super) struct More {
    /// Whether there was what the request removes.
    pub(super) record_found: Option<bool>,
    /// Names of members of the request that mean nothing.
    pub(super) ignored: Vec<String>,
    /// Warnings about the item, if it is applied.
    pub(super) warnings: Vec<Warning>,
    /// Whether nothing is stored.
    pub(super) dry_run: Option<DryRun>,
}

/// Applies one item; blocks.
pub(super) fn apply_item(call: &Call<'_>, operation: Operation, item: String, more: More) -> Result<Reply, Problem> {
    let items = ItemList { items: vec![item], keys: None };
    let mut answer = match more.dry_run {
        None => call.apply(operation, &items)?,
        Some(dry_run) => call.preview(operation, &items, dry_run)?,
    };
    let mut row = answer.rows.pop().ok_or_else(|| Problem::panicked(&"a call of one item has no row"))?;
    let status = StatusCode::from_u16(row.status).map_err(|error| Problem::panicked(&error))?;
    let More { record_found, ignored, warnings: more_warnings, dry_run } = more;
    row.remarks.ignored.extend(ignored);
    let ignored = JobRemarks::of([&row.remarks]).ignored;
    if let Some(error) = row.error {
        let mut reply = json(status, &Refusal { errors: [RefusedItem::from(error)] });
        tell_ignored(&mut reply, &ignored);
        return Ok(reply);
    }
    let ItemRemarks { mut warnings, .. } = row.remarks;
    warnings.extend(more_warnings);
    let id = row.shown.ok_or_else(|| Problem::panicked(&"a row without an error has no contact"))?;
    let object = answer.take_contact(id);
    let changes = row.changes.map(raw).transpose()?;
    let preview = dry_run.map(|_| Preview { dry_run: true, action: row.action, changes });
    // A dry run has created nothing.
    let status = if dry_run.is_some() { StatusCode::OK } else { status };
    let mut reply = json(status, &Applied { record_found, contact: raw(object)?, warnings, preview });
    tell_ignored(&mut reply, &ignored);
    if status == StatusCode::CREATED
        && let Ok(location) = HeaderValue::from_str(&format!("/api/contacts/{}", id.0))
    {
        reply.headers_mut().insert(LOCATION, location);
    }
    Ok(reply)
}

/// Puts the contact's id into the item, where components look for it. An id that the item has already does not matter, as the
/// last of several members with one name counts. An item that is not an object is returned as it is: the component will refuse
/// it.
pub(super) fn with_id(item: &str, id: ContactId) -> String {
    let Some(members) = item.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
        return item.to_owned();
    };
    let comma = if members.trim().is_empty() { "" } else { "," };
    format!("{{{members}{comma}\"id\":{}}}", id.0)
}

impl From<ItemError> for RefusedItem {
    fn from(error: ItemError) -> Self {
        match error {
            ItemError::Validation { code, message, details, .. } => Self { code, message, details, r#type: None },
            ItemError::Api { message, code, r#type } => {
                let r#type = Some(r#type).filter(|kind| kind != "api");
                Self { code, message, details: RawValue::from_string(String::from("[]")).unwrap_or_default(), r#type }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_id;
    use crate::domain::ContactId;

    #[test]
    fn the_id_of_the_path_becomes_the_last_member_of_the_item() {
        for (item, expected) in [
            ("{}", r#"{"id":7}"#),
            (" { } ", r#"{ "id":7}"#),
            (r#"{"a":1}"#, r#"{"a":1,"id":7}"#),
            (r#"{"id":9,"a":"}"}"#, r#"{"id":9,"a":"}","id":7}"#),
            ("[]", "[]"),
            ("7", "7"),
        ] {
            assert_eq!(with_id(item, ContactId(7)), expected);
        }
    }
}
