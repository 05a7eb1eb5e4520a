//! Dotted paths into an answer.

use serde_json::Value;

/// Returns the value at `path`, which consists of names and list indexes separated by dots. A dot in a name is written `%2E`.
pub(crate) fn at<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(root, |value, part| {
        let name = part.replace("%2E", ".");
        match value {
            Value::Array(values) => values.get(name.parse::<usize>().ok()?),
            Value::Object(members) => members.get(&name),
            _ => None,
        }
    })
}
