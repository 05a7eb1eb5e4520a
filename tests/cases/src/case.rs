//! A case as it stands in the file.

use serde::Deserialize;
use serde_json::{Map, Value};

/// One case: a tenant, contacts it starts with, and calls with what is expected of their answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique among all.
    pub name: String,
    /// Where it was found.
    pub source: String,
    /// Whether it was run, read or documented.
    pub kind: String,
    /// Versions of Mautic it is limited to.
    #[serde(default)]
    pub versions: Option<Value>,
    /// A remark.
    #[serde(default)]
    pub note: Option<String>,
    #[serde(default)]
    pub(crate) given: Given,
    pub(crate) steps: Vec<Step>,
    /// The row of the table of differences that it is overridden by.
    #[serde(skip)]
    pub row: Option<String>,
}

/// The tenant of a case and the contacts it has.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Given {
    #[serde(default)]
    pub(crate) custom_fields: Vec<CustomField>,
    #[serde(default)]
    pub(crate) required_fields: Vec<String>,
    pub(crate) char_length_limit: Option<u32>,
    pub(crate) users: Option<Vec<u64>>,
    #[serde(default)]
    pub(crate) contacts: Map<String, Value>,
}

/// A field as Mautic describes one.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CustomField {
    pub(crate) alias: String,
    pub(crate) label: Option<String>,
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) list: Vec<Choice>,
    pub(crate) scale: Option<u32>,
}

/// An option: a label with a value, or both in one.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Choice {
    Labelled(String, String),
    Plain(String),
}

/// One call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) method: String,
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) headers: Map<String, Value>,
    pub(crate) body: Value,
    pub(crate) expect: Expect,
    #[serde(default, rename = "note")]
    _note: Option<String>,
    /// What is expected instead when the batch goes as a bulk job.
    #[serde(skip)]
    pub(crate) expect_in_bulk: Option<Expect>,
}

/// What an answer must be.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Expect {
    pub(crate) status: Option<u16>,
    pub(crate) raw_body: Option<String>,
    #[serde(default)]
    pub(crate) assert: Vec<Assertion>,
    #[serde(default)]
    pub(crate) capture: Map<String, Value>,
    /// The fields that the step changes, and to what.
    pub(crate) changed_fields: Option<Map<String, Value>>,
}

/// What must hold of a place in an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assertion {
    pub(crate) path: String,
    pub(crate) op: Op,
    #[serde(default)]
    pub(crate) value: Value,
}

/// How it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Op {
    Eq,
    Ne,
    Identical,
    LooseEq,
    Count,
    IsNull,
    Empty,
    NotEmpty,
    Exists,
    NotExists,
    Gte,
    JsonType,
    /// A remark on what no server should do; such a step has to be overridden.
    Note,
}

/// # Panics
/// If `text` holds anything but cases.
pub(crate) fn parse(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("the cases: {error}"))
}
