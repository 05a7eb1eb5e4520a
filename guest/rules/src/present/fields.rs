//! The `fields` of a contact: group by group with descriptions, and all values together.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

use crate::contact::{Contact, Number, Value};
use crate::kinds::{Kind, shown_number};
use crate::model::{Choice, Field, Profile};
use crate::schema::{FieldRule, POINTS, Schema};

/// Groups that are always shown, in this order.
const GROUPS: [&str; 4] = ["core", "social", "personal", "professional"];
/// Longest labels shown for the values of a `multiselect`, in bytes; a value may be there thousands of times.
const LABELS_LIMIT: usize = 4 * 1024;

/// The tenant's fields, sorted for showing: once for many contacts.
pub(super) struct Catalogue<'a> {
    groups: Vec<(&'a str, Vec<Shape<'a>>)>,
    all: Vec<(usize, &'a FieldRule)>,
    points: Option<usize>,
    unique: &'a [usize],
}

struct Shape<'a> {
    place: usize,
    field: &'a Field,
    rule: &'a FieldRule,
    /// JSON.
    properties: Box<RawValue>,
}

impl<'a> Catalogue<'a> {
    pub(super) fn of(profile: &'a Profile, schema: &'a Schema) -> Self {
        let mut groups: Vec<(&str, Vec<Shape<'_>>)> = GROUPS.into_iter().map(|group| (group, Vec::new())).collect();
        for (place, (field, rule)) in profile.fields.iter().zip(&schema.rules).enumerate() {
            let shape = Shape { place, field, rule, properties: properties(field, rule) };
            match groups.iter_mut().find(|(group, _)| *group == field.group) {
                Some((_, shapes)) => shapes.push(shape),
                None => groups.push((&field.group, vec![shape])),
            }
        }
        Self {
            groups,
            all: schema.rules.iter().enumerate().collect(),
            points: schema
                .place(POINTS)
                .filter(|&place| schema.rules.get(place).is_some_and(|rule| rule.kind == Kind::Number)),
            unique: &schema.unique,
        }
    }

    /// Whether anything tells who the contact is.
    pub(super) fn is_identified(&self, contact: &Contact) -> bool {
        self.unique.iter().any(|&place| contact.value(place).is_some())
    }
}

/// The options of choices and the digits of numbers; PHP shows an empty map as a list.
fn properties(field: &Field, rule: &FieldRule) -> Box<RawValue> {
    #[derive(serde::Serialize)]
    struct Options<'a> {
        list: Vec<Offered<'a>>,
    }
    #[derive(serde::Serialize)]
    struct Offered<'a> {
        label: &'a str,
        value: &'a str,
    }
    #[derive(serde::Serialize)]
    struct Digits {
        roundmode: u32,
        scale: u32,
    }
    /// Mautic's number for rounding half to even.
    const HALF_EVEN: u32 = 4;

    fn offered(choice: &Choice) -> Offered<'_> {
        Offered { label: &choice.label, value: &choice.value }
    }
    let json = match rule.kind {
        Kind::Number => serde_json::value::to_raw_value(&Digits { roundmode: HALF_EVEN, scale: rule.scale }),
        _ if !field.choices.is_empty() => {
            serde_json::value::to_raw_value(&Options { list: field.choices.iter().map(offered).collect() })
        }
        _ => serde_json::value::to_raw_value::<[(); 0]>(&[]),
    };
    json.unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// The whole number of a contact's points.
pub(super) fn points(contact: &Contact, catalogue: &Catalogue<'_>) -> i64 {
    let value = catalogue.points.and_then(|place| contact.value(place));
    match value {
        Some(Value::Number(number)) => match shown_number(*number, 0) {
            Number::Whole(whole) => whole,
            Number::Float(_) => 0,
        },
        _ => 0,
    }
}

/// What a field shows: a blank number is 0, as in Mautic.
fn shown(rule: &FieldRule, value: Option<&Value>) -> Option<Value> {
    match (rule.kind, value) {
        (Kind::Number, Some(Value::Number(number))) => Some(Value::Number(shown_number(*number, rule.scale))),
        (Kind::Number, None) => Some(Value::Number(shown_number(Number::Whole(0), rule.scale))),
        (_, value) => value.cloned(),
    }
}

/// What people see of it: labels for values.
fn normalized(shape: &Shape<'_>, value: Option<&Value>) -> Option<Value> {
    let choices = &shape.field.choices;
    let label = |value: &str| choices.iter().find(|choice| choice.value == value).map(|choice| choice.label.clone());
    match (shape.rule.kind, value) {
        (Kind::Boolean, Some(Value::Bool(flag))) => Some(Value::Text(if *flag { "Yes" } else { "No" }.to_owned())),
        (Kind::Select | Kind::Lookup, Some(Value::Text(text))) => {
            Some(Value::Text(label(text).unwrap_or_else(|| text.clone())))
        }
        (Kind::MultiSelect, Some(Value::Text(text))) => {
            let mut room = LABELS_LIMIT;
            let labels = text.split('|').map(|value| {
                let label = label(value).map_or(Cow::Borrowed(value), Cow::Owned);
                room = room.checked_sub(label.len() + 1)?;
                Some(label)
            });
            let labels: Option<Vec<_>> = labels.collect();
            Some(Value::Text(labels.map_or_else(|| text.clone(), |labels| labels.join("|"))))
        }
        (_, value) => shown(shape.rule, value),
    }
}

/// The value of `fields`.
pub(super) struct Fields<'a> {
    pub(super) id: u64,
    pub(super) contact: &'a Contact,
    pub(super) catalogue: &'a Catalogue<'a>,
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (group, shapes) in &self.catalogue.groups {
            map.serialize_entry(group, &Group { shapes, contact: self.contact })?;
        }
        map.serialize_entry("all", &All(self))?;
        map.end()
    }
}

struct Group<'a> {
    shapes: &'a [Shape<'a>],
    contact: &'a Contact,
}

impl Serialize for Group<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.shapes.is_empty() {
            return serializer.collect_seq::<[(); 0]>([]);
        }
        let described = |shape| Description::of(shape, self.contact);
        serializer.collect_map(self.shapes.iter().map(|shape| (&shape.field.alias, described(shape))))
    }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    id: usize,
    group: &'a str,
    label: &'a str,
    alias: &'a str,
    r#type: &'a str,
    properties: &'a RawValue,
    value: Option<Value>,
    normalized_value: Option<Value>,
}

impl<'a> Description<'a> {
    fn of(shape: &'a Shape<'a>, contact: &'a Contact) -> Self {
        let value = contact.value(shape.place);
        Self {
            id: shape.place + 1,
            group: &shape.field.group,
            label: &shape.field.label,
            alias: &shape.field.alias,
            r#type: &shape.field.kind,
            properties: &shape.properties,
            value: shown(shape.rule, value),
            normalized_value: normalized(shape, value),
        }
    }
}

struct All<'a>(&'a Fields<'a>);

impl Serialize for All<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.0.id)?;
        for (place, rule) in &self.0.catalogue.all {
            map.serialize_entry(&rule.alias, &shown(rule, self.0.contact.value(*place)))?;
        }
        map.end()
    }
}
