//! A tenant's profile: changes to the fields of contacts, and the owners, stages and companies that contacts may refer to.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::operator_json::{JsonError, JsonText, Members};

/// Code points of a field's value unless the profile or the field says otherwise. Mautic 5.1's default.
const DEFAULT_MAX_LENGTH: u32 = 64;

/// A profile as an operator writes it in JSON. All members are optional. Unknown members are refused, so that a misspelt one
/// is noticed.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Changes to the component's fields, and additional ones.
    pub fields: Vec<FieldEntry>,
    /// Code points of a field's value unless the field says otherwise.
    pub max_length: u32,
    /// The owners that a contact's `owner` may name.
    pub owners: Vec<Owner>,
    /// The stages that a contact's `stage` may name.
    pub stages: Vec<Named>,
    /// The companies that a contact's `companies` may name.
    pub companies: Vec<Named>,
    /// Any JSON values, for the tenant's components.
    pub settings: BTreeMap<String, Box<RawValue>>,
    text: String,
}

/// Profiles are equal if their texts are equal.
impl PartialEq for Profile {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Profile {}

/// The profile `{}`, which changes nothing.
impl Default for Profile {
    fn default() -> Self {
        Self {
            fields: Vec::new(),
            max_length: DEFAULT_MAX_LENGTH,
            owners: Vec::new(),
            stages: Vec::new(),
            companies: Vec::new(),
            settings: BTreeMap::new(),
            text: String::from("{}"),
        }
    }
}

/// A field. All members but the alias are optional. The component checks names and numbers.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the members are those of field-entry in the contract, documented there")]
pub struct FieldEntry {
    pub alias: String,
    pub label: Option<String>,
    pub r#type: Option<String>,
    pub group: Option<String>,
    pub choices: Option<Vec<Choice>>,
    pub required: Option<bool>,
    pub unique: Option<bool>,
    pub max_length: Option<u32>,
    pub scale: Option<u32>,
    pub strict: Option<bool>,
}

/// A choice of a select field.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The text that people see.
    pub label: String,
    /// The value that is sent and stored.
    pub value: String,
}

/// A user that may own contacts.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the members are those of owner in the contract")]
pub struct Owner {
    pub id: u64,
    pub username: String,
    pub first_name: String,
    pub last_name: String,
}

/// A stage or a company.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the members are those of named in the contract")]
pub struct Named {
    pub id: u64,
    pub name: String,
}

/// Why a profile is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The text is not a JSON object of the members of a profile.
    #[error(transparent)]
    Shape(#[from] JsonError),
    /// Two entries of a list have the same id.
    #[error("{list}[{index}].id: {id} is the id of an earlier entry; ids are unique within their list")]
    DuplicateId {
        /// The list.
        list: &'static str,
        /// The place of the second entry.
        index: usize,
        /// The id.
        id: u64,
    },
    /// The text is another JSON value than an object.
    #[error("a profile is a JSON object, such as {{\"maxLength\":64}}")]
    NoObject,
    /// `maxLength` is out of range.
    #[error("maxLength: must be from 1 to 65535, not {0}")]
    MaxLength(u32),
}

impl Profile {
    /// Parses a profile. The names and types of fields are checked by the component, not here.
    ///
    /// # Errors
    /// The path of the first error, and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let whole = JsonText::parse(text)?;
        if !whole.is_object() {
            return Err(ProfileError::NoObject);
        }
        let mut members = whole.object(&["fields", "maxLength", "owners", "stages", "companies", "settings"])?;
        let mut profile = Self {
            fields: list(&mut members, "fields", field_entry)?,
            owners: list(&mut members, "owners", owner)?,
            stages: list(&mut members, "stages", named)?,
            companies: list(&mut members, "companies", named)?,
            settings: members.take("settings").map(|value| settings(&value)).transpose()?.unwrap_or_default(),
            ..Self::default()
        };
        if let Some(value) = members.take("maxLength") {
            profile.max_length = small_number(&value)?;
        }
        if !(1..=65_535).contains(&profile.max_length) {
            return Err(ProfileError::MaxLength(profile.max_length));
        }
        check_ids("owners", profile.owners.iter().map(|owner| owner.id))?;
        check_ids("stages", profile.stages.iter().map(|stage| stage.id))?;
        check_ids("companies", profile.companies.iter().map(|company| company.id))?;
        text.clone_into(&mut profile.text);
        Ok(profile)
    }

    /// Returns the text that the profile was parsed from, which is what the store keeps.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Reads a list that may be left out.
fn list<'a, T>(
    members: &mut Members<'a>,
    name: &str,
    read: impl Fn(&JsonText<'a>) -> Result<T, JsonError>,
) -> Result<Vec<T>, JsonError> {
    members.take(name).map_or(Ok(Vec::new()), |value| value.list()?.iter().map(read).collect())
}

fn field_entry(value: &JsonText<'_>) -> Result<FieldEntry, JsonError> {
    let known = ["alias", "label", "type", "group", "choices", "required", "unique", "maxLength", "scale", "strict"];
    let mut members = value.object(&known)?;
    Ok(FieldEntry {
        alias: members.take_required("alias")?.text()?,
        label: optional(&mut members, "label", JsonText::text)?,
        r#type: optional(&mut members, "type", JsonText::text)?,
        group: optional(&mut members, "group", JsonText::text)?,
        choices: optional(&mut members, "choices", |value| value.list()?.iter().map(choice).collect())?,
        required: optional(&mut members, "required", JsonText::boolean)?,
        unique: optional(&mut members, "unique", JsonText::boolean)?,
        max_length: optional(&mut members, "maxLength", small_number)?,
        scale: optional(&mut members, "scale", small_number)?,
        strict: optional(&mut members, "strict", JsonText::boolean)?,
    })
}

fn choice(value: &JsonText<'_>) -> Result<Choice, JsonError> {
    let mut members = value.object(&["label", "value"])?;
    Ok(Choice { label: members.take_required("label")?.text()?, value: members.take_required("value")?.text()? })
}

fn owner(value: &JsonText<'_>) -> Result<Owner, JsonError> {
    let mut members = value.object(&["id", "username", "firstName", "lastName"])?;
    Ok(Owner {
        id: members.take_required("id")?.whole_number(u64::MAX)?,
        username: members.take_required("username")?.text()?,
        first_name: members.take("firstName").map_or(Ok(String::new()), |value| value.text())?,
        last_name: members.take("lastName").map_or(Ok(String::new()), |value| value.text())?,
    })
}

fn named(value: &JsonText<'_>) -> Result<Named, JsonError> {
    let mut members = value.object(&["id", "name"])?;
    Ok(Named { id: members.take_required("id")?.whole_number(u64::MAX)?, name: members.take_required("name")?.text()? })
}

fn settings(value: &JsonText<'_>) -> Result<BTreeMap<String, Box<RawValue>>, JsonError> {
    let setting = |(name, raw): (String, &str)| -> Result<_, JsonError> {
        // The text is a part of a JSON text, so it can be read.
        let value = RawValue::from_string(raw.to_owned()).map_err(|_| value.wrong("an object of JSON values"))?;
        Ok((name, value))
    };
    value.members()?.into_all().into_iter().map(setting).collect()
}

fn optional<'a, T>(
    members: &mut Members<'a>,
    name: &str,
    read: impl Fn(&JsonText<'a>) -> Result<T, JsonError>,
) -> Result<Option<T>, JsonError> {
    members.take_optional(name).map(|value| read(&value)).transpose()
}

fn small_number(value: &JsonText<'_>) -> Result<u32, JsonError> {
    let number = value.whole_number(u64::from(u32::MAX))?;
    u32::try_from(number).map_err(|_| value.wrong("a small number"))
}

fn check_ids(list: &'static str, ids: impl Iterator<Item = u64>) -> Result<(), ProfileError> {
    let mut seen = std::collections::HashSet::new();
    for (index, id) in ids.enumerate() {
        if !seen.insert(id) {
            return Err(ProfileError::DuplicateId { list, index, id });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn all_members_are_optional() {
        let profile = Profile::parse("{}").unwrap();
        assert_eq!(profile.max_length, 64);
        assert!(profile.fields.is_empty());
        let default = Profile::default();
        assert_eq!(format!("{profile:?}"), format!("{default:?}"));
    }

    #[test]
    fn errors_have_a_path() {
        for (text, start) in [
            ("", "the text is empty"),
            ("[]", "a profile is a JSON object"),
            (r#"{"fields":[{"alias":"a"},{"alias":7}]}"#, "fields[1].alias: this must be a text, not a number"),
            (r#"{"fields":[{"label":"a"}]}"#, "fields[0].alias: this must be given"),
            (r#"{"field":[]}"#, "field: there is no such member"),
            (r#"{"maxLength":0}"#, "maxLength: must be from 1"),
            (r#"{"maxLength":-1}"#, "maxLength: this must be a whole number from 0 to 4294967295, not -1"),
            (r#"{"settings":{"a":1,"b":2,"a":3}}"#, "settings.a: this is given twice"),
            (r#"{"fields":[["email"]]}"#, "fields[0]: this must be an object, not a list"),
            (r#"{"owners":[{"id":1,"username":"a"},{"id":1,"username":"b"}]}"#, "owners[1].id: 1 is the id"),
            (r#"{"stages":[{"id":1,"name":2}]}"#, "stages[0].name: this must be a text, not a number"),
            ("{} x", "there is more text"),
        ] {
            let message = Profile::parse(text).unwrap_err().to_string();
            assert!(message.starts_with(start), "{text}: {message}");
        }
    }
}
