//! `GET /api/fields/contact`, `GET /api/contacts/list/fields`: the fields of contacts, as the tenant's processor lists them.

use hyper::StatusCode;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::entity_list::{EntityQuery, Origin};
use super::problem::Problem;
use super::reply::{Reply, json};
use super::route::FieldsForm;
use crate::jobs::{Call, Field};

/// Mautic's number for rounding half to even.
const ROUND_HALF_EVEN: u32 = 4;

#[derive(Serialize)]
struct FieldsBody<'a> {
    total: usize,
    fields: Vec<FieldBody<'a>>,
}

/// A field as Mautic describes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldBody<'a> {
    is_published: bool,
    #[serde(flatten)]
    origin: Origin,
    #[serde(flatten)]
    name: FieldName<'a>,
    object: &'static str,
    default_value: (),
    is_required: bool,
    is_publicly_updatable: bool,
    is_unique_identifier: bool,
    properties: Properties<'a>,
}

/// The members of a field that both lists have. The id is the field's place in the catalogue, as in a contact's `fields`.
#[derive(Clone, Copy, Serialize)]
struct FieldName<'a> {
    id: u64,
    label: &'a str,
    alias: &'a str,
    r#type: &'a str,
    group: &'a str,
    order: u64,
}

/// The member `properties`, as in a contact's `fields`: PHP writes an empty map as a list.
#[derive(Serialize)]
#[serde(untagged)]
enum Properties<'a> {
    Number { roundmode: u32, scale: u32 },
    Choices { list: Vec<ChoiceBody<'a>> },
    None([(); 0]),
}

#[derive(Serialize)]
struct ChoiceBody<'a> {
    label: &'a str,
    value: &'a str,
}

/// Names under their ids, as PHP writes a map.
struct ById<'a>(Vec<FieldName<'a>>);

impl Serialize for ById<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|name| object.serialize_entry(&name.id.to_string(), name))?;
        object.end()
    }
}

/// Lists fields; blocks.
pub(super) fn list(call: &Call<'_>, form: FieldsForm, query: &EntityQuery) -> Result<Reply, Problem> {
    let fields = call.fields()?;
    let numbered: Vec<(u64, &Field)> = (1..).zip(fields.iter()).collect();
    let total = numbered.len();
    let id = |(id, _): &(u64, &Field)| *id;
    Ok(match form {
        FieldsForm::Pages => {
            let fields = query.page(numbered, id).into_iter().map(FieldBody::of).collect();
            json(StatusCode::OK, &FieldsBody { total, fields })
        }
        FieldsForm::Names => {
            let names = query.whole(numbered, id).into_iter().map(FieldName::of).collect();
            json(StatusCode::OK, &ById(names))
        }
    })
}

impl<'a> FieldName<'a> {
    fn of((id, field): (u64, &'a Field)) -> Self {
        let Field { alias, label, kind, group, .. } = field;
        Self { id, label, alias, r#type: kind, group, order: id }
    }
}

impl<'a> FieldBody<'a> {
    fn of((id, field): (u64, &'a Field)) -> Self {
        Self {
            is_published: true,
            origin: Origin::default(),
            name: FieldName::of((id, field)),
            object: "lead",
            default_value: (),
            is_required: field.is_required,
            is_publicly_updatable: false,
            is_unique_identifier: field.is_unique,
            properties: Properties::of(field),
        }
    }
}

impl<'a> Properties<'a> {
    fn of(field: &'a Field) -> Self {
        if field.kind == "number" {
            return Self::Number { roundmode: ROUND_HALF_EVEN, scale: field.scale.unwrap_or(0) };
        }
        if field.choices.is_empty() {
            return Self::None([]);
        }
        let body = |choice: &'a crate::tenants::Choice| ChoiceBody { label: &choice.label, value: &choice.value };
        Self::Choices { list: field.choices.iter().map(body).collect() }
    }
}
