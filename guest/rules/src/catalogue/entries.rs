//! A profile's entries over the default fields, and what can be wrong with them.

use std::collections::{HashMap, HashSet};

use crate::kinds::Kind;
use crate::model::{Field, FieldEntry, Flaw};
use crate::specials::Special;

use super::{
    ALIAS_LIMIT, DESCRIPTIONS_LIMIT, FIELDS_LIMIT, LABEL_LIMIT, LENGTH_LIMIT, SCALE_LIMIT, UNIQUE_FIELDS_LIMIT,
    UNIQUE_LENGTH_LIMIT,
};

pub(super) fn applied(mut fields: Vec<Field>, entries: &[FieldEntry]) -> Result<Vec<Field>, Vec<Flaw>> {
    let mut places: HashMap<String, usize> =
        fields.iter().enumerate().map(|(place, field)| (field.alias.clone(), place)).collect();
    let mut named = HashSet::new();
    let mut flaws = Vec::new();
    let mut described: usize = fields.iter().map(description_size).sum();

    for (index, entry) in entries.iter().enumerate() {
        let mut flaws = Flaws { entry: u32::try_from(index).unwrap_or(u32::MAX), found: &mut flaws };
        if !named.insert(entry.alias.as_str()) {
            flaws.add("alias", format!("The alias `{}` is used twice; name each field once.", shown(&entry.alias)));
            continue;
        }
        let place = places.get(&entry.alias).copied();
        let mut field = match place.and_then(|place| fields.get(place)) {
            Some(known) => known.clone(),
            None => blank(&entry.alias, &mut flaws),
        };
        overlay(&mut field, entry);
        examine(&field, entry, &mut flaws);
        described += description_size(&field);
        match place.and_then(|place| fields.get_mut(place)) {
            Some(known) => {
                described -= description_size(known);
                *known = field;
            }
            None => {
                places.insert(field.alias.clone(), fields.len());
                fields.push(field);
            }
        }
        if fields.len() > FIELDS_LIMIT {
            flaws.add("alias", format!("A catalogue has {FIELDS_LIMIT} fields at most."));
            break;
        }
        if fields.iter().filter(|field| field.is_unique).count() > UNIQUE_FIELDS_LIMIT {
            flaws.add("isUnique", format!("{UNIQUE_FIELDS_LIMIT} fields at most can be unique."));
            break;
        }
        if described > DESCRIPTIONS_LIMIT {
            let limit = format!("All fields with their labels and choices take {DESCRIPTIONS_LIMIT} bytes at most.");
            flaws.add("choices", limit);
            break;
        }
    }
    if flaws.is_empty() { Ok(fields) } else { Err(flaws) }
}

struct Flaws<'a> {
    entry: u32,
    found: &'a mut Vec<Flaw>,
}

impl Flaws<'_> {
    fn add(&mut self, member: &str, message: impl Into<String>) {
        self.found.push(Flaw { entry: self.entry, member: member.to_owned(), message: message.into() });
    }
}

fn blank(alias: &str, flaws: &mut Flaws<'_>) -> Field {
    if let Some(message) = alias_flaw(alias) {
        flaws.add("alias", message);
    }
    Field {
        alias: alias.to_owned(),
        label: alias.to_owned(),
        kind: "text".to_owned(),
        group: "core".to_owned(),
        choices: Vec::new(),
        is_required: false,
        is_unique: false,
        max_length: None,
        scale: None,
    }
}

fn alias_flaw(alias: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if alias.is_empty() {
        Some("A field needs an alias, the name it is sent under.".to_owned())
    } else if alias.len() > ALIAS_LIMIT {
        Some(format!("An alias has {ALIAS_LIMIT} characters at most."))
    } else if !alias.bytes().all(is_plain) || alias.starts_with(|first: char| first.is_ascii_digit()) {
        Some("An alias is made of letters, digits and underscores, and starts with no digit.".to_owned())
    } else if Special::named(alias).is_some() {
        Some(format!("`{alias}` has a meaning of its own in every contact; choose another alias."))
    } else {
        None
    }
}

fn overlay(field: &mut Field, entry: &FieldEntry) {
    fn set<T: Clone>(target: &mut T, value: Option<&T>) {
        if let Some(value) = value {
            target.clone_from(value);
        }
    }
    set(&mut field.label, entry.label.as_ref());
    set(&mut field.kind, entry.kind.as_ref());
    set(&mut field.group, entry.group.as_ref());
    set(&mut field.choices, entry.choices.as_ref());
    set(&mut field.is_required, entry.is_required.as_ref());
    set(&mut field.is_unique, entry.is_unique.as_ref());
    field.max_length = entry.max_length.or(field.max_length);
    field.scale = entry.scale.or(field.scale);
}

fn examine(field: &Field, entry: &FieldEntry, flaws: &mut Flaws<'_>) {
    if entry.label.as_ref().is_some_and(|label| label.is_empty() || label.len() > LABEL_LIMIT) {
        flaws.add("label", format!("A label has 1 to {LABEL_LIMIT} bytes."));
    }
    if matches!(field.group.as_str(), "" | "all") || field.group.len() > LABEL_LIMIT {
        flaws.add("group", format!("A group has 1 to {LABEL_LIMIT} bytes and is not called `all`."));
    }
    let Some(kind) = Kind::named(&field.kind) else {
        let known = Kind::ALL.map(|(name, _)| name).join(", ");
        flaws.add("type", format!("`{}` is no type of field; the types are {known}.", shown(&field.kind)));
        return;
    };
    examine_choices(field, kind, flaws);
    examine_numbers(field, entry, kind, flaws);
}

fn examine_choices(field: &Field, kind: Kind, flaws: &mut Flaws<'_>) {
    if matches!(kind, Kind::Select | Kind::MultiSelect) && field.choices.is_empty() {
        flaws.add("choices", format!("A {} field needs at least one choice.", field.kind));
    }
    let mut values = HashSet::new();
    for choice in &field.choices {
        let value = choice.value.as_str();
        if value.is_empty() {
            flaws.add("choices", "A choice needs a value; the empty text means that nothing is chosen.");
        } else if kind == Kind::MultiSelect && value.contains('|') {
            flaws.add(
                "choices",
                format!("`{}` holds a `|`, which separates the values of a multiselect.", shown(value)),
            );
        } else if !values.insert(value) {
            flaws.add("choices", format!("The choice `{}` is there twice.", shown(value)));
        }
        if choice.label.len() > LABEL_LIMIT {
            flaws.add("choices", format!("The label of a choice has {LABEL_LIMIT} bytes at most."));
        }
    }
}

fn examine_numbers(field: &Field, entry: &FieldEntry, kind: Kind, flaws: &mut Flaws<'_>) {
    if entry.max_length.is_some_and(|length| length == 0 || length > LENGTH_LIMIT) {
        flaws.add("maxLength", format!("`maxLength` is 1 to {LENGTH_LIMIT} characters."));
    }
    if entry.scale.is_some_and(|scale| scale > SCALE_LIMIT) {
        flaws.add("scale", format!("`scale` is 0 to {SCALE_LIMIT} digits."));
    }
    if !field.is_unique {
        return;
    }
    if !kind.can_be_unique() {
        flaws.add("isUnique", format!("A {} field cannot be unique.", field.kind));
    }
    if field.max_length.is_some_and(|length| length > UNIQUE_LENGTH_LIMIT) {
        flaws.add("maxLength", format!("A unique field takes {UNIQUE_LENGTH_LIMIT} characters at most."));
    }
}

/// What a contact is shown with for this field, in bytes, at most.
fn description_size(field: &Field) -> usize {
    /// Names and brackets around the texts of a field, and of a choice.
    const FIELD: usize = 140;
    const CHOICE: usize = 24;

    let size = |text: &String| -> usize {
        // In JSON a control character takes six bytes.
        let escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
        text.len() + 5 * text.bytes().filter(|&byte| escaped(byte)).count()
    };
    let choices = field.choices.iter().map(|choice| CHOICE + size(&choice.label) + size(&choice.value));
    let names = 3 * size(&field.alias) + size(&field.label) + size(&field.kind) + 2 * size(&field.group);
    FIELD + names + choices.sum::<usize>()
}

/// The start of a text that may be long, for a message.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}
