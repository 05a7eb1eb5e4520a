//! A tenant's profile: changes to the fields of contacts, and the owners, stages and companies that contacts may refer to.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Code points of a field's value unless the profile or the field says otherwise. Mautic 5.1's default.
const DEFAULT_MAX_LENGTH: u32 = 64;

/// A profile as an operator writes it in JSON. All members are optional. Unknown members are refused, so that a misspelt one
/// is noticed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// Changes to the component's fields, and additional ones.
    #[serde(default)]
    pub fields: Vec<FieldEntry>,
    /// Code points of a field's value unless the field says otherwise.
    #[serde(default = "default_max_length")]
    pub max_length: u32,
    /// The owners that a contact's `owner` may name.
    #[serde(default)]
    pub owners: Vec<Owner>,
    /// The stages that a contact's `stage` may name.
    #[serde(default)]
    pub stages: Vec<Named>,
    /// The companies that a contact's `companies` may name.
    #[serde(default)]
    pub companies: Vec<Named>,
    /// Any JSON values, for the tenant's components.
    #[serde(default)]
    pub settings: BTreeMap<String, Box<RawValue>>,
    #[serde(skip)]
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
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// The text that people see.
    pub label: String,
    /// The value that is sent and stored.
    pub value: String,
}

/// A user that may own contacts.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "the members are those of owner in the contract")]
pub struct Owner {
    pub id: u64,
    pub username: String,
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub last_name: String,
}

/// A stage or a company.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the members are those of named in the contract")]
pub struct Named {
    pub id: u64,
    pub name: String,
}

/// Why a profile is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The text is not a JSON object of the members of a profile.
    #[error("{path}: {message}")]
    Shape {
        /// Where, such as `fields[3].maxLength`; `.` is the whole text.
        path: String,
        /// What was found and what was expected, with line and column.
        message: String,
    },
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
    /// The text is a JSON array, which serde takes for an object without members.
    #[error(".: a profile is a JSON object, such as {{\"maxLength\":64}}")]
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
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let mut profile: Self = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            ProfileError::Shape { path: error.path().to_string(), message: error.inner().to_string() }
        })?;
        deserializer
            .end()
            .map_err(|error| ProfileError::Shape { path: String::from("."), message: error.to_string() })?;
        if !text.trim_start().starts_with('{') {
            return Err(ProfileError::NoObject);
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

fn default_max_length() -> u32 {
    DEFAULT_MAX_LENGTH
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
            ("", ".: EOF"),
            ("[]", ".: a profile is a JSON object"),
            (r#"{"fields":[{"alias":"a"},{"alias":7}]}"#, "fields[1].alias: invalid type: integer `7`"),
            (r#"{"fields":[{"label":"a"}]}"#, "fields[0]: missing field `alias`"),
            (r#"{"field":[]}"#, "field: unknown field `field`"),
            (r#"{"maxLength":0}"#, "maxLength: must be from 1"),
            (r#"{"maxLength":-1}"#, "maxLength: invalid value: integer `-1`"),
            (r#"{"owners":[{"id":1,"username":"a"},{"id":1,"username":"b"}]}"#, "owners[1].id: 1 is the id"),
            (r#"{"stages":[{"id":1,"name":2}]}"#, "stages[0].name: invalid type"),
            ("{} x", ".: trailing characters"),
        ] {
            let message = Profile::parse(text).unwrap_err().to_string();
            assert!(message.starts_with(start), "{text}: {message}");
        }
    }
}
