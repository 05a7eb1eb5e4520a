//! Checks an answer against an assertion.

use serde_json::Value;

use crate::case::{Assertion, Op};
use crate::{loose, path};

/// Checks `answer`.
///
/// # Errors
/// If the answer differs. The error is one line that describes the difference.
pub(crate) fn check(assertion: &Assertion, answer: &Value) -> Result<(), String> {
    let Assertion { path, op, value: expected } = assertion;
    let found = path::at(answer, path);
    let filled = found.filter(|value| !value.is_null());
    let holds = match op {
        Op::Eq => found.is_some_and(|found| loose::eq(found, expected)),
        Op::Ne => found.is_some_and(|found| !loose::eq(found, expected)),
        Op::Identical => found == Some(expected),
        Op::LooseEq => loose::eq_or_blank(found, Some(expected)),
        Op::Count => found.and_then(count) == expected.as_u64(),
        Op::IsNull => found == Some(&Value::Null),
        Op::Empty => loose::is_empty(found),
        Op::NotEmpty => !loose::is_empty(found),
        Op::Exists => filled.is_some(),
        Op::NotExists => filled.is_none(),
        Op::Gte => found.and_then(loose::number) >= loose::number(expected) && loose::number(expected).is_some(),
        Op::JsonType => found.map(json_type) == expected.as_str(),
        Op::Note => false,
    };
    if holds {
        return Ok(());
    }
    let found = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
    Err(format!("{path}: {op:?} {expected} does not hold for {found}"))
}

fn count(value: &Value) -> Option<u64> {
    let count = match value {
        Value::Array(values) => values.len(),
        Value::Object(members) => members.len(),
        _ => return None,
    };
    u64::try_from(count).ok()
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
