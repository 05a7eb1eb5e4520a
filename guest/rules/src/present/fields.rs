//! The `fields` member of a presented contact: each group with descriptions of its fields, then all values together.
//!
//! Most of its text is the same for all contacts, so it is made once and copied.

use crate::contact::Contact;
use crate::json::{push_name, push_text, push_value, push_whole, quoted_name};
use crate::kind::Kind;
use crate::kinds::displayed_number;
use crate::model::{Choice, Field, Profile};
use crate::schema::{FieldRule, POINTS, Schema};
use crate::value::{Number, Value};

/// Groups that are always present, in this order.
const GROUPS: [&str; 4] = ["core", "social", "personal", "professional"];
/// Largest text of all labels of a `multiselect`, in bytes. A value may be chosen thousands of times.
const MAX_LABELS_BYTES: usize = 4 * 1024;

/// Bytes that a contact's values usually take beside the text that is the same for all contacts.
const TYPICAL_VALUES_BYTES: usize = 1024;

/// A tenant's fields in the order of presentation. It is built once for many contacts.
pub(super) struct Catalogue<'a> {
    groups: Vec<Group<'a>>,
    all: Vec<ShownField<'a>>,
    points: Option<usize>,
    unique: &'a [usize],
    typical_bytes: usize,
}

struct Group<'a> {
    name: &'a str,
    /// The name as it stands before the group's fields.
    quoted_name: String,
    fields: Vec<DescribedField<'a>>,
}

/// A field whose value is shown.
struct ShownField<'a> {
    position: usize,
    rule: &'a FieldRule,
    /// What is shown of a contact that has no value: JSON.
    blank: String,
}

/// A field in its group.
struct DescribedField<'a> {
    shown: ShownField<'a>,
    choices: &'a [Choice],
    /// The text before the field's value: its alias, and the members of its description that are the same for all contacts.
    description: String,
}

/// The members of a field's description that are the same for all contacts.
#[derive(serde::Serialize)]
struct Description<'a> {
    id: usize,
    group: &'a str,
    label: &'a str,
    alias: &'a str,
    r#type: &'a str,
    properties: Properties<'a>,
}

impl<'a> Catalogue<'a> {
    pub(super) fn of(profile: &'a Profile, schema: &'a Schema) -> Self {
        let mut groups: Vec<Group<'_>> = GROUPS.into_iter().map(Group::new).collect();
        for (position, (definition, rule)) in profile.fields.iter().zip(&schema.rules).enumerate() {
            let field = DescribedField::of(position, definition, rule);
            match groups.iter_mut().find(|group| *group.name == definition.group) {
                Some(group) => group.fields.push(field),
                None => groups.push(Group { fields: vec![field], ..Group::new(&definition.group) }),
            }
        }
        let descriptions = groups.iter().flat_map(|group| &group.fields).map(|field| field.description.len());
        Self {
            typical_bytes: descriptions.sum::<usize>() + TYPICAL_VALUES_BYTES,
            groups,
            all: schema.rules.iter().enumerate().map(|(position, rule)| ShownField::of(position, rule)).collect(),
            points: schema
                .position(POINTS)
                .filter(|&position| schema.rules.get(position).is_some_and(|rule| rule.kind == Kind::Number)),
            unique: &schema.unique,
        }
    }

    /// Returns the bytes that a presented contact usually has.
    pub(super) fn typical_bytes(&self) -> usize {
        self.typical_bytes
    }

    /// Appends the member `fields` of a contact to an object that is being written.
    pub(super) fn push_fields(&self, json: &mut String, id: u64, contact: &Contact) {
        push_name(json, r#""fields":"#);
        json.push('{');
        for group in &self.groups {
            push_name(json, &group.quoted_name);
            group.push_fields(json, contact);
        }
        push_name(json, r#""all":"#);
        json.push_str(r#"{"id":"#);
        push_value(json, &id);
        for field in &self.all {
            push_name(json, &field.rule.quoted_name);
            field.push(json, contact.value(field.position));
        }
        json.push_str("}}");
    }

    /// Returns whether the contact has a value in any unique field.
    pub(super) fn is_identified(&self, contact: &Contact) -> bool {
        self.unique.iter().any(|&position| contact.value(position).is_some())
    }
}

impl<'a> Group<'a> {
    fn new(name: &'a str) -> Self {
        Self { name, quoted_name: quoted_name(name), fields: Vec::new() }
    }

    fn push_fields(&self, json: &mut String, contact: &Contact) {
        // PHP writes an empty map as a list.
        if self.fields.is_empty() {
            return json.push_str("[]");
        }
        json.push('{');
        for field in &self.fields {
            let value = contact.value(field.shown.position);
            push_name(json, &field.description);
            field.shown.push(json, value);
            json.push_str(r#","normalizedValue":"#);
            field.push_normalized(json, value);
            json.push('}');
        }
        json.push('}');
    }
}

impl<'a> DescribedField<'a> {
    fn of(position: usize, definition: &'a Field, rule: &'a FieldRule) -> Self {
        let mut description = quoted_name(&definition.alias);
        push_value(
            &mut description,
            &Description {
                id: position + 1,
                group: &definition.group,
                label: &definition.label,
                alias: &definition.alias,
                r#type: &definition.kind,
                properties: Properties::of(definition, rule),
            },
        );
        description.pop();
        description.push_str(r#","value":"#);
        Self { shown: ShownField::of(position, rule), choices: &definition.choices, description }
    }

    /// Appends the field's `normalizedValue`, which has the labels of choices instead of their values.
    fn push_normalized(&self, json: &mut String, value: Option<&Value>) {
        let label_of =
            |value: &str| self.choices.iter().find(|choice| choice.value == value).map(|choice| &choice.label);
        match (self.shown.rule.kind, value) {
            (Kind::Boolean, Some(Value::Bool(flag))) => push_text(json, if *flag { "Yes" } else { "No" }),
            (Kind::Select | Kind::Lookup, Some(Value::Text(text))) => {
                push_text(json, label_of(text).map_or(text, |label| label))
            }
            (Kind::MultiSelect, Some(Value::Text(text))) => {
                let mut room = MAX_LABELS_BYTES;
                let labels = text.split('|').map(|value| {
                    let label = label_of(value).map_or(value, String::as_str);
                    room = room.checked_sub(label.len() + 1)?;
                    Some(label)
                });
                let labels: Option<Vec<_>> = labels.collect();
                push_text(json, labels.map(|labels| labels.join("|")).as_deref().unwrap_or(text));
            }
            _ => self.shown.push(json, value),
        }
    }
}

impl<'a> ShownField<'a> {
    fn of(position: usize, rule: &'a FieldRule) -> Self {
        let mut blank = String::new();
        push_value(&mut blank, &displayed(rule, None));
        Self { position, rule, blank }
    }

    /// Appends a contact's value.
    fn push(&self, json: &mut String, value: Option<&Value>) {
        match value {
            None => json.push_str(&self.blank),
            Some(Value::Text(text)) => push_text(json, text),
            Some(Value::Number(number)) => {
                let is_number = self.rule.kind == Kind::Number;
                match if is_number { displayed_number(*number, self.rule.scale) } else { *number } {
                    Number::Whole(whole) => push_whole(json, whole),
                    float @ Number::Float(_) => push_value(json, &float),
                }
            }
            Some(Value::Bool(flag)) => json.push_str(if *flag { "true" } else { "false" }),
        }
    }
}

/// The member `properties` of a field: the options of a choice field, the rounding of a number, and for any other kind an empty
/// list, because PHP writes an empty map as a list.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum Properties<'a> {
    Digits { roundmode: u32, scale: u32 },
    Options { list: Vec<ChoiceView<'a>> },
    None([(); 0]),
}

#[derive(serde::Serialize)]
struct ChoiceView<'a> {
    label: &'a str,
    value: &'a str,
}

impl<'a> Properties<'a> {
    fn of(field: &'a Field, rule: &FieldRule) -> Self {
        /// Mautic's number for the mode "round half to even".
        const HALF_EVEN: u32 = 4;

        fn choice_view(choice: &Choice) -> ChoiceView<'_> {
            ChoiceView { label: &choice.label, value: &choice.value }
        }
        match rule.kind {
            Kind::Number => Self::Digits { roundmode: HALF_EVEN, scale: rule.scale },
            _ if !field.choices.is_empty() => Self::Options { list: field.choices.iter().map(choice_view).collect() },
            _ => Self::None([]),
        }
    }
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
