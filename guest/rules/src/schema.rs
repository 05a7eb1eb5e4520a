//! A profile made ready for work: once for each session.

use crate::catalogue::{LENGTH_LIMIT, SCALE_LIMIT, UNIQUE_FIELDS_LIMIT, UNIQUE_LENGTH_LIMIT};
use crate::contact::Value;
use crate::hashing::{Names, Set};
use crate::kinds::Kind;
use crate::model::{Field, Profile};
use crate::specials::Special;

/// Longest value of Mautic's text columns, in code points.
const SHORT_LIMIT: u32 = 191;
/// The fields whose words Mautic's plain search looks at.
const SEARCHED: [&str; 8] = ["firstname", "lastname", "email", "company", "city", "state", "zipcode", "country"];
/// The number that is also shown beside the fields, as an integer.
pub(crate) const POINTS: &str = "points";
/// The field that is also shown beside the fields, as a moment.
const LAST_ACTIVE: &str = "last_active";
/// Longest key, in bytes.
const KEY_LIMIT: usize = 1_024;

/// What a name in an item means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The field at this place of the catalogue.
    Field(usize),
    /// A key with a meaning of its own.
    Special(Special),
}

/// A field made ready for checking.
#[derive(Debug)]
pub(crate) struct FieldRule {
    pub(crate) alias: String,
    pub(crate) kind: Kind,
    pub(crate) choices: Set<String>,
    /// In code points; of several that are exceeded the last is reported.
    pub(crate) limits: Vec<u32>,
    pub(crate) scale: u32,
    pub(crate) is_required: bool,
}

impl FieldRule {
    fn of(field: &Field, default_limit: u32) -> Self {
        let kind = Kind::named(&field.kind).unwrap_or(Kind::Text);
        let mut limits = vec![field.max_length.unwrap_or(default_limit)];
        if field.max_length.is_none() && kind.is_short() {
            limits.push(SHORT_LIMIT);
        }
        if kind == Kind::MultiSelect {
            limits.push(LENGTH_LIMIT);
        }
        if field.is_unique {
            limits.push(UNIQUE_LENGTH_LIMIT);
        }
        Self {
            alias: field.alias.clone(),
            kind,
            choices: field.choices.iter().map(|choice| choice.value.clone()).collect(),
            limits,
            // Points are whole numbers whatever a profile says.
            scale: field.scale.filter(|_| field.alias != POINTS).unwrap_or(0).min(SCALE_LIMIT),
            is_required: field.is_required,
        }
    }
}

/// The catalogue, indexed.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) rules: Vec<FieldRule>,
    /// Places of the unique fields, in catalogue order.
    pub(crate) unique: Vec<usize>,
    /// Places of the fields that people search by.
    pub(crate) searched: Vec<usize>,
    /// Place of the field that shares its column with the key `lastActive`.
    pub(crate) last_active: Option<usize>,
    slots: Names<Slot>,
}

impl Schema {
    pub(crate) fn of(profile: &Profile) -> Self {
        let rules: Vec<_> = profile.fields.iter().map(|field| FieldRule::of(field, profile.max_length)).collect();
        let mut slots: Names<_> =
            Special::ALL.iter().map(|special| (special.name().to_owned(), Slot::Special(*special))).collect();
        slots.extend(rules.iter().enumerate().map(|(place, rule)| (rule.alias.clone(), Slot::Field(place))));
        let unique = profile.fields.iter().enumerate().filter(|(_, field)| field.is_unique).map(|(place, _)| place);
        let is_searched = |(_, rule): &(usize, &FieldRule)| SEARCHED.contains(&rule.alias.as_str());
        let searched = rules.iter().enumerate().filter(is_searched).map(|(place, _)| place).collect();
        let is_last_active = |rule: &FieldRule| rule.alias == LAST_ACTIVE && rule.kind == Kind::DateTime;
        let last_active = rules.iter().position(is_last_active);
        Self { unique: unique.take(UNIQUE_FIELDS_LIMIT).collect(), searched, last_active, rules, slots }
    }

    /// What `name` means in an item; nothing if it is unknown.
    pub(crate) fn slot(&self, name: &str) -> Option<Slot> {
        self.slots.get(name).copied()
    }

    /// The place in the catalogue of the field called `alias`.
    pub(crate) fn place(&self, alias: &str) -> Option<usize> {
        match self.slot(alias) {
            Some(Slot::Field(place)) => Some(place),
            _ => None,
        }
    }
}

/// The normal form of a unique field's value: values that Mautic's database takes for equal are the same text.
pub(crate) fn normal_form(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) if text.is_ascii() => text.trim().to_ascii_lowercase(),
        Value::Text(text) => text.trim().to_lowercase(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
    };
    (text.len() <= KEY_LIMIT && !text.is_empty()).then_some(text)
}
