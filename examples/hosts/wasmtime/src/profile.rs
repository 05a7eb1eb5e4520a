//! Converts a tenant's profile from JSON to the types of the contract.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::bindings::bulkhead::contacts::batch::fields;
use crate::bindings::bulkhead::contacts::types::{self, Profile};

/// A profile in the format of `bulkhead tenant add --profile`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TenantProfile {
    fields: Vec<Entry>,
    max_length: Option<u32>,
    owners: Vec<Owner>,
    stages: Vec<Named>,
    companies: Vec<Named>,
    settings: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    alias: String,
    label: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    group: Option<String>,
    choices: Option<Vec<Choice>>,
    required: Option<bool>,
    unique: Option<bool>,
    max_length: Option<u32>,
    scale: Option<u32>,
}

#[derive(Deserialize)]
struct Choice {
    label: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner {
    id: u64,
    username: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
}

#[derive(Deserialize)]
struct Named {
    id: u64,
    name: String,
}

impl TenantProfile {
    /// Converts the profile, with the catalogue that the component builds from its fields. Changes are dated with `now`. If the
    /// profile has flaws, returns one line for each flaw.
    pub fn profile(self, now: String) -> Result<Profile, String> {
        let entries: Vec<types::FieldEntry> = self.fields.into_iter().map(Into::into).collect();
        let fields = fields(&entries).map_err(|flaws| {
            let line = |flaw: &crate::bindings::bulkhead::contacts::batch::Flaw| {
                format!("fields[{}].{}: {}", flaw.entry, flaw.member, flaw.message)
            };
            flaws.iter().map(line).collect::<Vec<_>>().join("\n")
        })?;
        let named = |list: Vec<Named>| list.into_iter().map(|Named { id, name }| types::Named { id, name }).collect();
        let owner =
            |Owner { id, username, first_name, last_name }| types::Owner { id, username, first_name, last_name };
        Ok(Profile {
            fields,
            // The server's default.
            max_length: self.max_length.unwrap_or(64),
            owners: self.owners.into_iter().map(owner).collect(),
            stages: named(self.stages),
            companies: named(self.companies),
            now,
            settings: self.settings.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
        })
    }
}

impl From<Entry> for types::FieldEntry {
    fn from(entry: Entry) -> Self {
        let choice = |Choice { label, value }| types::Choice { label, value };
        Self {
            alias: entry.alias,
            label: entry.label,
            kind: entry.kind,
            group: entry.group,
            choices: entry.choices.map(|choices| choices.into_iter().map(choice).collect()),
            is_required: entry.required,
            is_unique: entry.unique,
            max_length: entry.max_length,
            scale: entry.scale,
        }
    }
}
