//! The file format of a case.

use serde::Deserialize;
use serde_json::{Map, Value};

/// One case: a tenant, the contacts that it starts with, and calls with their expected answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name, unique among all cases.
    pub name: String,
    /// Where the case comes from.
    pub source: String,
    /// How the answer is known: by a run, from the source code, or from documentation.
    pub kind: String,
    /// The versions of Mautic to which the case applies.
    #[serde(default)]
    pub versions: Option<Value>,
    /// A remark.
    #[serde(default)]
    pub note: Option<String>,
    #[serde(default)]
    pub(crate) given: Given,
    pub(crate) steps: Vec<Step>,
    /// The row of the table of differences that overrides the case.
    #[serde(skip)]
    pub row: Option<String>,
}

/// The tenant of a case, and the tenant's contacts.
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

/// A field in Mautic's description.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CustomField {
    pub(crate) alias: String,
    pub(crate) label: Option<String>,
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) list: Vec<Choice>,
    pub(crate) scale: Option<u32>,
}

/// An option: a label with a value, or one text that is both.
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
    /// The expectation that replaces `expect` when the batch is sent as a bulk job.
    #[serde(skip)]
    pub(crate) expect_in_bulk: Option<Expect>,
}

/// The expected answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Expect {
    pub(crate) status: Option<u16>,
    pub(crate) raw_body: Option<String>,
    #[serde(default)]
    pub(crate) assert: Vec<Assertion>,
    #[serde(default)]
    pub(crate) capture: Map<String, Value>,
    /// The fields that the step changes, with their new values.
    pub(crate) changed_fields: Option<Map<String, Value>>,
}

/// A condition for the value at a path of an answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assertion {
    pub(crate) path: String,
    pub(crate) op: Op,
    #[serde(default)]
    pub(crate) value: Value,
}

/// The comparison of an assertion.
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
    /// A remark on an answer that no server should give. A step with this assertion must be overridden.
    Note,
}

/// Parses cases.
///
/// # Panics
/// Panics if `text` is not a list of cases.
pub(crate) fn parse(text: &str) -> Vec<Case> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("the cases: {error}"))
}
