//! Applies a profile's entries to the default fields, and reports flaws of the entries.

use std::collections::{HashMap, HashSet};

use crate::kind::Kind;
use crate::limits::{MAX_LENGTH, MAX_SCALE, MAX_UNIQUE_FIELDS, MAX_UNIQUE_LENGTH};
use crate::model::{Field, FieldEntry, Flaw};
use crate::reserved_key::ReservedKey;
use crate::schema::POINTS;

/// Largest alias, in bytes.
const MAX_ALIAS_BYTES: usize = 50;
/// Largest label of a field or choice, and largest name of a group, in bytes.
const MAX_LABEL_BYTES: usize = 255;
/// Largest number of fields in a catalogue.
const MAX_FIELDS: usize = 1_000;
/// Largest total size of the descriptions of all fields, in bytes of JSON. Every presented contact contains them.
const MAX_DESCRIPTIONS_BYTES: usize = 192 * 1024;

pub(super) fn apply_entries(mut fields: Vec<Field>, entries: &[FieldEntry]) -> Result<Vec<Field>, Vec<Flaw>> {
    let mut positions: HashMap<String, usize> =
        fields.iter().enumerate().map(|(position, field)| (field.alias.clone(), position)).collect();
    let mut named = HashSet::new();
    let mut flaws = Vec::new();
    let mut descriptions_bytes: usize = fields.iter().map(description_bytes).sum();

    for (index, entry) in entries.iter().enumerate() {
        let mut flaws = Flaws { entry: u32::try_from(index).unwrap_or(u32::MAX), found: &mut flaws };
        if !named.insert(entry.alias.as_str()) {
            flaws.add("alias", format!("The alias `{}` is used twice; name each field once.", excerpt(&entry.alias)));
            continue;
        }
        let position = positions.get(&entry.alias).copied();
        let mut field = match position.and_then(|position| fields.get(position)) {
            Some(known) => known.clone(),
            None => new_field(&entry.alias, &mut flaws),
        };
        apply_entry(&mut field, entry);
        check_entry(&field, entry, &mut flaws);
        descriptions_bytes += description_bytes(&field);
        match position.and_then(|position| fields.get_mut(position)) {
            Some(known) => {
                descriptions_bytes -= description_bytes(known);
                *known = field;
            }
            None => {
                positions.insert(field.alias.clone(), fields.len());
                fields.push(field);
            }
        }
        if fields.len() > MAX_FIELDS {
            flaws.add("alias", format!("A catalogue has at most {MAX_FIELDS} fields."));
            break;
        }
        if fields.iter().filter(|field| field.is_unique).count() > MAX_UNIQUE_FIELDS {
            flaws.add("unique", format!("At most {MAX_UNIQUE_FIELDS} fields can be unique."));
            break;
        }
        if descriptions_bytes > MAX_DESCRIPTIONS_BYTES {
            let limit =
                format!("All fields with their labels and choices may take at most {MAX_DESCRIPTIONS_BYTES} bytes.");
            flaws.add("choices", limit);
            break;
        }
    }
    if flaws.is_empty() { Ok(fields) } else { Err(flaws) }
}

/// The flaws of one entry, appended to those of all entries.
struct Flaws<'a> {
    entry: u32,
    found: &'a mut Vec<Flaw>,
}

impl Flaws<'_> {
    fn add(&mut self, member: &str, message: impl Into<String>) {
        self.found.push(Flaw { entry: self.entry, member: member.to_owned(), message: message.into() });
    }
}

fn new_field(alias: &str, flaws: &mut Flaws<'_>) -> Field {
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
        is_strict: false,
    }
}

fn alias_flaw(alias: &str) -> Option<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if alias.is_empty() {
        Some("A field needs an alias, the name under which it is sent.".to_owned())
    } else if alias.len() > MAX_ALIAS_BYTES {
        Some(format!("An alias has at most {MAX_ALIAS_BYTES} characters."))
    } else if !alias.bytes().all(is_plain) || alias.starts_with(|first: char| first.is_ascii_digit()) {
        Some("An alias consists of letters, digits and underscores, and does not start with a digit.".to_owned())
    } else if ReservedKey::named(alias).is_some() {
        Some(format!("`{alias}` is reserved in every contact; choose another alias."))
    } else {
        None
    }
}

fn apply_entry(field: &mut Field, entry: &FieldEntry) {
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
    set(&mut field.is_strict, entry.is_strict.as_ref());
}

fn check_entry(field: &Field, entry: &FieldEntry, flaws: &mut Flaws<'_>) {
    if entry.label.as_ref().is_some_and(|label| label.is_empty() || label.len() > MAX_LABEL_BYTES) {
        flaws.add("label", format!("A label has 1 to {MAX_LABEL_BYTES} bytes."));
    }
    if matches!(field.group.as_str(), "" | "all") || field.group.len() > MAX_LABEL_BYTES {
        flaws.add("group", format!("A group has 1 to {MAX_LABEL_BYTES} bytes and is not called `all`."));
    }
    let Some(kind) = Kind::named(&field.kind) else {
        let known = Kind::ALL.map(|(name, _)| name).join(", ");
        flaws.add("type", format!("`{}` is not a type of field; the types are {known}.", excerpt(&field.kind)));
        return;
    };
    check_options(field, entry, kind, flaws);
    check_choices(field, kind, flaws);
    check_numbers(field, entry, kind, flaws);
}

/// Reports the options of an entry that mean nothing for fields of its kind: an operator who wrote one expects something of it.
/// A switch that is off and an empty list ask for nothing.
fn check_options(field: &Field, entry: &FieldEntry, kind: Kind, flaws: &mut Flaws<'_>) {
    let has_choices = entry.choices.as_ref().is_some_and(|choices| !choices.is_empty());
    // Points are whole numbers, whatever their scale.
    let can_have_scale = kind == Kind::Number && field.alias != POINTS;
    for (member, is_given, is_meant, meant) in [
        ("choices", has_choices, kind.can_have_choices(), "select, multiselect and lookup fields have choices"),
        ("maxLength", entry.max_length.is_some(), kind.can_be_limited(), "texts have a maximum length"),
        ("scale", entry.scale.is_some(), can_have_scale, "number fields other than `points` have a scale"),
        ("strict", entry.is_strict == Some(true), kind.can_be_strict(), "region fields can be strict"),
    ] {
        if is_given && !is_meant {
            let (alias, kind) = (excerpt(&field.alias), &field.kind);
            flaws.add(member, format!("`{member}` has no effect on `{alias}`, a {kind} field: only {meant}."));
        }
    }
}

fn check_choices(field: &Field, kind: Kind, flaws: &mut Flaws<'_>) {
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
                format!("`{}` contains a `|`, which separates the values of a multiselect.", excerpt(value)),
            );
        } else if !values.insert(value) {
            flaws.add("choices", format!("The choice `{}` occurs twice.", excerpt(value)));
        }
        if choice.label.len() > MAX_LABEL_BYTES {
            flaws.add("choices", format!("The label of a choice has at most {MAX_LABEL_BYTES} bytes."));
        }
    }
}

fn check_numbers(field: &Field, entry: &FieldEntry, kind: Kind, flaws: &mut Flaws<'_>) {
    if entry.max_length.is_some_and(|length| length == 0 || length > MAX_LENGTH) {
        flaws.add("maxLength", format!("`maxLength` is 1 to {MAX_LENGTH} characters."));
    }
    if entry.scale.is_some_and(|scale| scale > MAX_SCALE) {
        flaws.add("scale", format!("`scale` is 0 to {MAX_SCALE} digits."));
    }
    if !field.is_unique {
        return;
    }
    if !kind.can_be_unique() {
        flaws.add("unique", format!("A {} field cannot be unique.", field.kind));
    }
    if field.max_length.is_some_and(|length| length > MAX_UNIQUE_LENGTH) {
        flaws.add("maxLength", format!("A unique field has at most {MAX_UNIQUE_LENGTH} characters."));
    }
}

/// Returns the largest number of bytes that the description of `field` takes in a presented contact.
fn description_bytes(field: &Field) -> usize {
    /// JSON names and brackets around the texts of a field, in bytes.
    const FIELD_OVERHEAD: usize = 140;
    /// JSON names and brackets around the texts of a choice, in bytes.
    const CHOICE_OVERHEAD: usize = 24;

    let size = |text: &String| -> usize {
        // In JSON, a control character takes six bytes instead of one.
        let escaped = |byte: u8| byte < b' ' || matches!(byte, b'"' | b'\\');
        text.len() + 5 * text.bytes().filter(|&byte| escaped(byte)).count()
    };
    let choices = field.choices.iter().map(|choice| CHOICE_OVERHEAD + size(&choice.label) + size(&choice.value));
    let names = 3 * size(&field.alias) + size(&field.label) + size(&field.kind) + 2 * size(&field.group);
    FIELD_OVERHEAD + names + choices.sum::<usize>()
}

/// Returns the first characters of a text, for a message.
fn excerpt(text: &str) -> String {
    const MAX_EXCERPT_CHARS: usize = 60;

    text.chars().take(MAX_EXCERPT_CHARS).collect()
}
