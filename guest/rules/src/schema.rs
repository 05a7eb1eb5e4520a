//! A profile's catalogue, indexed once for each session.

use std::borrow::Cow;

use crate::hashing::{StableMap, StableSet, TextMap};
use crate::json::quoted_name;
use crate::kind::Kind;
use crate::limits::{MAX_LENGTH, MAX_SCALE, MAX_UNIQUE_FIELDS, MAX_UNIQUE_LENGTH};
use crate::model::{Choice, Field, Profile};
use crate::reserved_key::ReservedKey;
use crate::unicode::{composed, decomposed};
use crate::value::Value;

/// Largest value of Mautic's short text columns, in code points.
const MAX_SHORT_TEXT_LENGTH: u32 = 191;
/// The fields that Mautic's plain search looks at.
const SEARCHED: [&str; 8] = ["firstname", "lastname", "email", "company", "city", "state", "zipcode", "country"];
/// The fields that are a contact's name.
const NAMES: [&str; 2] = ["firstname", "lastname"];
/// The field that a presented contact also contains outside `fields`, as an integer.
pub(crate) const POINTS: &str = "points";
/// The field that shares its value with the key `lastActive`.
const LAST_ACTIVE: &str = "last_active";
/// What readers of CSV files leave on the first column's name.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';
/// Largest unique value in normal form, in bytes.
const MAX_KEY_BYTES: usize = 1_024;

/// The meaning of a name in an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKey {
    /// The field at this position of the catalogue.
    Field(usize),
    /// A reserved key.
    Reserved(ReservedKey),
}

/// The rules of one field, in the form that checks need.
#[derive(Debug)]
pub(crate) struct FieldRule {
    pub(crate) alias: String,
    /// The alias as it stands in a document.
    pub(crate) quoted_name: String,
    pub(crate) kind: Kind,
    /// The values of the field's choices.
    choices: StableSet<String>,
    /// The values that are not ASCII, by their NFC.
    composed_choices: StableMap<String, String>,
    /// Largest lengths, in code points. If a value exceeds several of them, the last one is reported.
    pub(crate) limits: Vec<u32>,
    /// The least of these. A value with at most as many bytes exceeds none.
    pub(crate) least_limit: usize,
    /// Digits after the decimal mark.
    pub(crate) scale: u32,
    pub(crate) is_required: bool,
    /// Whether Mautic's plain search looks at the field.
    pub(crate) is_searched: bool,
    /// Whether a contact with a value in the field is not anonymous: the field is unique, or is a part of the name.
    pub(crate) is_identifying: bool,
    /// Whether values are refused that are otherwise taken with a warning.
    pub(crate) is_strict: bool,
}

impl FieldRule {
    fn of(field: &Field, default_limit: u32) -> Self {
        let kind = Kind::named(&field.kind).unwrap_or(Kind::Text);
        let mut limits = vec![field.max_length.unwrap_or(default_limit)];
        if field.max_length.is_none() && kind.is_short() {
            limits.push(MAX_SHORT_TEXT_LENGTH);
        }
        if kind == Kind::MultiSelect {
            limits.push(MAX_LENGTH);
        }
        if field.is_unique {
            limits.push(MAX_UNIQUE_LENGTH);
        }
        let least_limit = limits.iter().min().and_then(|&limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
        Self {
            alias: field.alias.clone(),
            quoted_name: quoted_name(&field.alias),
            kind,
            choices: field.choices.iter().map(|choice| choice.value.clone()).collect(),
            composed_choices: field.choices.iter().filter_map(composed_choice).collect(),
            limits,
            least_limit,
            // Points are always whole numbers, even if a profile sets a scale.
            scale: field.scale.filter(|_| field.alias != POINTS).unwrap_or(0).min(MAX_SCALE),
            is_required: field.is_required,
            is_searched: SEARCHED.contains(&field.alias.as_str()),
            is_identifying: NAMES.contains(&field.alias.as_str()),
            is_strict: field.is_strict,
        }
    }

    /// Returns the choice with this value as the profile spells it, which may be in another form of Unicode.
    pub(crate) fn choice(&self, value: &str) -> Option<&str> {
        let exact = self.choices.get(value);
        exact.or_else(|| self.composed_choices.get(composed(value).as_ref())).map(String::as_str)
    }
}

fn composed_choice(choice: &Choice) -> Option<(String, String)> {
    (!choice.value.is_ascii()).then(|| (composed(&choice.value).into_owned(), choice.value.clone()))
}

/// A catalogue with its indexes.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) rules: Vec<FieldRule>,
    /// Positions of the unique fields, in catalogue order.
    pub(crate) unique: Vec<usize>,
    /// Positions of the required fields.
    pub(crate) required: Vec<usize>,
    /// Position of the field `last_active`, if it is a `datetime`.
    pub(crate) last_active: Option<usize>,
    item_keys: TextMap<ItemKey>,
    /// The names of the reserved keys as they stand in an item.
    reserved_names: [String; ReservedKey::ALL.len()],
}

impl Schema {
    pub(crate) fn of(profile: &Profile) -> Self {
        let mut rules: Vec<_> = profile.fields.iter().map(|field| FieldRule::of(field, profile.max_length)).collect();
        let mut item_keys: TextMap<_> =
            ReservedKey::ALL.iter().map(|key| (key.name().to_owned(), ItemKey::Reserved(*key))).collect();
        item_keys
            .extend(rules.iter().enumerate().map(|(position, rule)| (rule.alias.clone(), ItemKey::Field(position))));
        let unique =
            profile.fields.iter().enumerate().filter(|(_, field)| field.is_unique).map(|(position, _)| position);
        let required =
            rules.iter().enumerate().filter(|(_, rule)| rule.is_required).map(|(position, _)| position).collect();
        let is_last_active = |rule: &FieldRule| rule.alias == LAST_ACTIVE && rule.kind == Kind::DateTime;
        let last_active = rules.iter().position(is_last_active);
        let unique: Vec<usize> = unique.take(MAX_UNIQUE_FIELDS).collect();
        for &position in &unique {
            if let Some(rule) = rules.get_mut(position) {
                rule.is_identifying = true;
            }
        }
        let reserved_names = ReservedKey::ALL.map(|key| quoted_name(key.name()));
        Self { rules, unique, required, last_active, item_keys, reserved_names }
    }

    /// Returns the meaning of `name` in an item, or `None` if the name is unknown. A byte order mark before the name is
    /// ignored.
    pub(crate) fn item_key(&self, name: &str) -> Option<ItemKey> {
        let key = self.item_keys.get(name).copied();
        key.or_else(|| {
            self.item_keys.get(name.strip_prefix(BYTE_ORDER_MARK)?.trim_start_matches(BYTE_ORDER_MARK)).copied()
        })
    }

    /// Returns the name of a key as [`quoted_name`] writes it.
    pub(crate) fn quoted_name(&self, key: ItemKey) -> Option<&str> {
        match key {
            ItemKey::Field(position) => self.rules.get(position).map(|rule| rule.quoted_name.as_str()),
            ItemKey::Reserved(key) => self.reserved_names.get(key as usize).map(String::as_str),
        }
    }

    /// Returns the alias of the field at `position`.
    pub(crate) fn alias(&self, position: usize) -> &str {
        self.rules.get(position).map_or("", |rule| &rule.alias)
    }

    /// Returns the position of the field called `alias`.
    pub(crate) fn position(&self, alias: &str) -> Option<usize> {
        match self.item_key(alias) {
            Some(ItemKey::Field(position)) => Some(position),
            _ => None,
        }
    }
}

/// Returns the normal form of a unique field's value, in which values that Mautic's database considers equal are the same
/// text: lower-case letters in NFC.
///
/// Returns `None` if the normal form is empty or larger than a key may be, or is `0`. As in Mautic, 0 identifies nobody:
/// programs send it for a number that is missing.
pub(crate) fn normal_form(value: &Value) -> Option<String> {
    let text = match value {
        Value::Text(text) if text.is_ascii() => text.trim().to_ascii_lowercase(),
        Value::Text(text) => composed_key(text.trim().to_lowercase()),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => u8::from(*flag).to_string(),
    };
    (text.len() <= MAX_KEY_BYTES && !matches!(text.as_str(), "" | "0" | "-0")).then_some(text)
}

/// Brings a key to NFC. The few texts that are too large for a key only in NFC stay as they are.
fn composed_key(text: String) -> String {
    match composed(&text) {
        Cow::Owned(composed) if composed.len() <= MAX_KEY_BYTES => composed,
        _ => text,
    }
}

/// Returns the other forms in which an earlier version may have stored a value's key, when keys were not brought to NFC: the
/// form that was sent, and NFD, in which macOS writes text.
pub(crate) fn former_forms(value: &Value) -> Vec<String> {
    match value {
        Value::Text(text) if !text.is_ascii() => {
            let sent = text.trim().to_lowercase();
            let (composed, decomposed) = (composed_key(sent.clone()), decomposed(&sent).into_owned());
            let is_former = |form: &String| *form != composed && form.len() <= MAX_KEY_BYTES;
            let mut forms: Vec<String> = [sent, decomposed].into_iter().filter(is_former).collect();
            forms.dedup();
            forms
        }
        _ => Vec::new(),
    }
}
