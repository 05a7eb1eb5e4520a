//! The `fields` member of a presented contact: each group with descriptions of its fields, then all values together.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::contact::Contact;
use crate::kind::Kind;
use crate::kinds::displayed_number;
use crate::model::{Choice, Field, Profile};
use crate::schema::{FieldRule, POINTS, Schema};
use crate::value::{Number, Value};

/// Groups that are always present, in this order.
const GROUPS: [&str; 4] = ["core", "social", "personal", "professional"];
/// Largest text of all labels of a `multiselect`, in bytes. A value may be chosen thousands of times.
const MAX_LABELS_BYTES: usize = 4 * 1024;

/// A tenant's fields in the order of presentation. It is built once for many contacts.
pub(super) struct Catalogue<'a> {
    groups: Vec<(&'a str, Vec<CatalogueField<'a>>)>,
    all: Vec<(usize, &'a FieldRule)>,
    points: Option<usize>,
    unique: &'a [usize],
}

struct CatalogueField<'a> {
    position: usize,
    definition: &'a Field,
    rule: &'a FieldRule,
    /// The member `properties`, as JSON.
    properties: Box<RawValue>,
}

impl<'a> Catalogue<'a> {
    pub(super) fn of(profile: &'a Profile, schema: &'a Schema) -> Self {
        let mut groups: Vec<(&str, Vec<CatalogueField<'_>>)> =
            GROUPS.into_iter().map(|group| (group, Vec::new())).collect();
        for (position, (definition, rule)) in profile.fields.iter().zip(&schema.rules).enumerate() {
            let field = CatalogueField { position, definition, rule, properties: properties(definition, rule) };
            match groups.iter_mut().find(|(group, _)| *group == definition.group) {
                Some((_, fields)) => fields.push(field),
                None => groups.push((&definition.group, vec![field])),
            }
        }
        Self {
            groups,
            all: schema.rules.iter().enumerate().collect(),
            points: schema
                .position(POINTS)
                .filter(|&position| schema.rules.get(position).is_some_and(|rule| rule.kind == Kind::Number)),
            unique: &schema.unique,
        }
    }

    /// Returns whether the contact has a value in any unique field.
    pub(super) fn is_identified(&self, contact: &Contact) -> bool {
        self.unique.iter().any(|&position| contact.value(position).is_some())
    }
}

/// Returns the member `properties`: the options of a choice field, the rounding of a number, and for any other kind an
/// empty list, because PHP writes an empty map as a list.
fn properties(field: &Field, rule: &FieldRule) -> Box<RawValue> {
    #[derive(serde::Serialize)]
    struct Options<'a> {
        list: Vec<ChoiceView<'a>>,
    }
    #[derive(serde::Serialize)]
    struct ChoiceView<'a> {
        label: &'a str,
        value: &'a str,
    }
    #[derive(serde::Serialize)]
    struct Digits {
        roundmode: u32,
        scale: u32,
    }
    /// Mautic's number for the mode "round half to even".
    const HALF_EVEN: u32 = 4;

    fn choice_view(choice: &Choice) -> ChoiceView<'_> {
        ChoiceView { label: &choice.label, value: &choice.value }
    }
    let json = match rule.kind {
        Kind::Number => serde_json::value::to_raw_value(&Digits { roundmode: HALF_EVEN, scale: rule.scale }),
        _ if !field.choices.is_empty() => {
            serde_json::value::to_raw_value(&Options { list: field.choices.iter().map(choice_view).collect() })
        }
        _ => serde_json::value::to_raw_value::<[(); 0]>(&[]),
    };
    json.unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Returns a contact's points as a whole number.
pub(super) fn points(contact: &Contact, catalogue: &Catalogue<'_>) -> i64 {
    let value = catalogue.points.and_then(|position| contact.value(position));
    match value {
        Some(Value::Number(number)) => match displayed_number(*number, 0) {
            Number::Whole(whole) => whole,
            Number::Float(_) => 0,
        },
        _ => 0,
    }
}

/// Returns a field's `value`. A blank number is 0, as in Mautic.
pub(super) fn displayed(rule: &FieldRule, value: Option<&Value>) -> Option<Value> {
    match (rule.kind, value) {
        (Kind::Number, Some(Value::Number(number))) => Some(Value::Number(displayed_number(*number, rule.scale))),
        (Kind::Number, None) => Some(Value::Number(displayed_number(Number::Whole(0), rule.scale))),
        (_, value) => value.cloned(),
    }
}

/// Returns a field's `normalizedValue`, which has the labels of choices instead of their values.
fn normalized_value(field: &CatalogueField<'_>, value: Option<&Value>) -> Option<Value> {
    let choices = &field.definition.choices;
    let label = |value: &str| choices.iter().find(|choice| choice.value == value).map(|choice| choice.label.as_str());
    let text_of = |text: &str| Some(Value::Text(text.to_owned().into()));
    match (field.rule.kind, value) {
        (Kind::Boolean, Some(Value::Bool(flag))) => text_of(if *flag { "Yes" } else { "No" }),
        (Kind::Select | Kind::Lookup, Some(Value::Text(text))) => label(text).map_or_else(|| value.cloned(), text_of),
        (Kind::MultiSelect, Some(Value::Text(text))) => {
            let mut room = MAX_LABELS_BYTES;
            let labels = text.split('|').map(|value| {
                let label = label(value).unwrap_or(value);
                room = room.checked_sub(label.len() + 1)?;
                Some(label)
            });
            let labels: Option<Vec<_>> = labels.collect();
            labels.map_or_else(|| value.cloned(), |labels| text_of(&labels.join("|")))
        }
        (_, value) => displayed(field.rule, value),
    }
}

/// The member `fields`.
pub(super) struct FieldsView<'a> {
    pub(super) id: u64,
    pub(super) contact: &'a Contact,
    pub(super) catalogue: &'a Catalogue<'a>,
}

impl Serialize for FieldsView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (group, fields) in &self.catalogue.groups {
            map.serialize_entry(group, &GroupView { fields, contact: self.contact })?;
        }
        map.serialize_entry("all", &AllView(self))?;
        map.end()
    }
}

struct GroupView<'a> {
    fields: &'a [CatalogueField<'a>],
    contact: &'a Contact,
}

impl Serialize for GroupView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.fields.is_empty() {
            return serializer.collect_seq::<[(); 0]>([]);
        }
        let described = |field| FieldView::of(field, self.contact);
        serializer.collect_map(self.fields.iter().map(|field| (&field.definition.alias, described(field))))
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldView<'a> {
    id: usize,
    group: &'a str,
    label: &'a str,
    alias: &'a str,
    r#type: &'a str,
    properties: &'a RawValue,
    value: Option<Value>,
    normalized_value: Option<Value>,
}

impl<'a> FieldView<'a> {
    fn of(field: &'a CatalogueField<'a>, contact: &'a Contact) -> Self {
        let value = contact.value(field.position);
        Self {
            id: field.position + 1,
            group: &field.definition.group,
            label: &field.definition.label,
            alias: &field.definition.alias,
            r#type: &field.definition.kind,
            properties: &field.properties,
            value: displayed(field.rule, value),
            normalized_value: normalized_value(field, value),
        }
    }
}

struct AllView<'a>(&'a FieldsView<'a>);

impl Serialize for AllView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.0.id)?;
        for (position, rule) in &self.0.catalogue.all {
            map.serialize_entry(&rule.alias, &displayed(rule, self.0.contact.value(*position)))?;
        }
        map.end()
    }
}
