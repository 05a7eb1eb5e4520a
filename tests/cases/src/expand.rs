//! Expands names and generators in bodies and values.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::path;

/// The values of names: captured values, and then paths in the current answer.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) known: BTreeMap<String, Value>,
    pub(crate) answer: Value,
}

impl Names {
    fn get(&self, name: &str) -> &Value {
        let known = self.known.get(name).or_else(|| path::at(&self.answer, name));
        known.unwrap_or_else(|| panic!("the case uses the unknown name ${{{name}}}"))
    }

    /// Returns `text` with every `${name}` replaced.
    pub(crate) fn in_text(&self, text: &str) -> String {
        let mut parts = text.split("${");
        let mut expanded = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or_else(|| panic!("unclosed ${{ in {text}"));
            match self.get(name) {
                Value::String(text) => expanded.push_str(text),
                other => expanded.push_str(&other.to_string()),
            }
            expanded.push_str(rest);
        }
        expanded
    }

    /// Returns `value` with every `${name}` replaced in all texts and member names. A text that consists of one `${name}` becomes
    /// the value itself.
    pub(crate) fn in_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                match name.filter(|name| !name.contains('}')) {
                    Some(name) => self.get(name).clone(),
                    None => Value::String(self.in_text(text)),
                }
            }
            Value::Array(values) => values.iter().map(|value| self.in_value(value)).collect(),
            Value::Object(members) => match members.get("$repeat") {
                Some(repeat) => self.repeated(repeat),
                None => members.iter().map(|(name, value)| (self.in_text(name), self.in_value(value))).collect(),
            },
            other => other.clone(),
        }
    }

    /// Expands `{"from": 1, "to": 3, "item": …}` to a list with the item for each value of `${i}`.
    fn repeated(&self, repeat: &Value) -> Value {
        let bound = |name: &str| repeat[name].as_i64().unwrap_or_else(|| panic!("$repeat without {name}: {repeat}"));
        let item = |i: i64| {
            let mut known = self.known.clone();
            known.insert("i".to_owned(), i.into());
            Names { known, answer: Value::Null }.in_value(&repeat["item"])
        };
        (bound("from")..=bound("to")).map(item).collect()
    }

    /// Returns the body to send. `$raw` is sent unchanged, and `null` means an empty body.
    pub(crate) fn in_body(&self, body: &Value) -> String {
        match body {
            Value::Null => String::new(),
            Value::Object(members) if members.contains_key("$raw") => self.raw(members),
            other => self.in_value(other).to_string(),
        }
    }

    fn raw(&self, members: &Map<String, Value>) -> String {
        members["$raw"].as_str().map(|text| self.in_text(text)).unwrap_or_else(|| panic!("$raw is not a text"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Names;

    #[test]
    fn names_and_generators_are_expanded() {
        let names = Names { known: [("a".to_owned(), json!(7))].into(), answer: json!({"contacts": [{"id": 8}]}) };
        for (sent, expected) in [
            (json!("${a}"), json!(7)),
            (json!("x${a}y${a}"), json!("x7y7")),
            (json!({"${a}": ["${contacts.0.id}"]}), json!({"7": [8]})),
            (
                json!({"$repeat": {"from": 1, "to": 2, "item": {"n": "${i}", "e": "u${i}@x.co"}}}),
                json!([{"n": 1, "e": "u1@x.co"}, {"n": 2, "e": "u2@x.co"}]),
            ),
        ] {
            assert_eq!(names.in_value(&sent), expected);
        }
        assert_eq!(names.in_body(&json!({"$raw": "{"})), "{");
        assert_eq!(names.in_body(&Value::Null), "");
    }
}
