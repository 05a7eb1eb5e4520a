//! Compares results with the expected ones.

use serde_json::Value;

use crate::case::{Case, Expected};

impl Case {
    /// Compares what became of the profile with what is expected. `refusal` is the text with which the profile was refused, if it
    /// was. Returns one line for each difference.
    pub fn profile_differences(&self, refusal: Option<&str>) -> Vec<String> {
        let difference = match (&self.refused, refusal) {
            (None, Some(text)) => format!("refused: {text}"),
            (Some(part), None) => format!("the profile is accepted, and not refused with '{part}'"),
            (Some(part), Some(text)) if !text.contains(part.as_str()) => format!("refused without '{part}': {text}"),
            (None, None) | (Some(_), Some(_)) => return Vec::new(),
        };
        vec![difference]
    }

    /// Compares the rows that a client got (`id`, `statusCode`, `errors`) and the contacts that it sees by id with the expected
    /// results. Returns one line for each difference.
    pub fn differences(&self, rows: &[Value], contact: impl Fn(u64) -> Option<Value>) -> Vec<String> {
        let mut differences = Vec::new();
        if rows.len() != self.expect.len() {
            differences.push(format!("{} rows for {} contacts", rows.len(), self.expect.len()));
        }
        for (index, (expected, row)) in self.expect.iter().zip(rows).enumerate() {
            let found = expected.differences(row, &contact);
            differences.extend(found.into_iter().map(|difference| format!("contact {index}: {difference}")));
        }
        differences
    }
}

impl Expected {
    fn differences(&self, row: &Value, contact: impl Fn(u64) -> Option<Value>) -> Vec<String> {
        let mut differences = Vec::new();
        let member = |value: &Value, name: &str| value.get(name).cloned().unwrap_or_default();
        let (status, id, errors) = (member(row, "statusCode"), member(row, "id"), member(row, "errors"));
        if status != self.status {
            let why = if errors.is_null() { String::new() } else { format!(" ({errors})") };
            differences.push(format!("status {status} instead of {}{why}", self.status));
            return differences;
        }
        if self.id.is_some_and(|wanted| id != wanted) {
            differences.push(format!("id {id} instead of {}", self.id.unwrap_or_default()));
        }
        let message = member(&errors, "message");
        if let Some(part) = self.message.as_ref().filter(|part| !contains(&message, part)) {
            differences.push(format!("message {message} without '{part}'"));
        }
        let r#type = member(&errors, "type");
        if let Some(wanted) = self.r#type.as_ref().filter(|wanted| r#type != wanted.as_str()) {
            differences.push(format!("type {} instead of '{wanted}'", r#type));
        }
        differences.extend(self.field_differences(&member(&errors, "details")));
        if let Some(wanted) = &self.contact {
            match id.as_u64().and_then(contact) {
                None => differences.push(String::from("no contact")),
                Some(contact) => parts_missing("", wanted, &contact, &mut differences),
            }
        }
        differences
    }

    fn field_differences(&self, details: &Value) -> Vec<String> {
        let Some(wanted) = &self.errors else { return Vec::new() };
        let mut differences = Vec::new();
        for (field, parts) in wanted {
            let texts = details.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
            if texts.is_empty() {
                differences.push(format!("no error for '{field}'"));
                continue;
            }
            for part in parts.iter().filter(|part| !texts.iter().any(|text| contains(text, part))) {
                differences.push(format!("'{field}': {} without '{part}'", Value::from(texts.clone())));
            }
        }
        for (field, texts) in
            details.as_object().into_iter().flatten().filter(|(field, _)| !wanted.contains_key(*field))
        {
            differences.push(format!("an error for '{field}' that was not expected: {texts}"));
        }
        differences
    }
}

fn contains(text: &Value, part: &str) -> bool {
    text.as_str().is_some_and(|text| text.contains(part))
}

/// Adds the differences from `wanted`. Objects may have more members than `wanted`; all other values must be equal.
fn parts_missing(path: &str, wanted: &Value, found: &Value, differences: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (name, value) in wanted {
                let path = format!("{path}.{name}");
                match found.get(name) {
                    Some(found) => parts_missing(&path, value, found, differences),
                    None => differences.push(format!("contact{path}: missing instead of {value}")),
                }
            }
        }
        _ if wanted == found => {}
        _ => differences.push(format!("contact{path}: {found} instead of {wanted}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::parse;

    fn differences(expected: &Value, row: &Value, contact: &Value) -> String {
        let table = json!([{"name": "a", "contacts": [{}], "expect": [expected]}]).to_string();
        parse(&table).unwrap()[0].differences(std::slice::from_ref(row), |_| Some(contact.clone())).join("\n")
    }

    #[test]
    fn a_refused_profile_can_be_expected() {
        let case = |case: Value| parse(&Value::from(vec![case]).to_string()).unwrap().remove(0);
        let plain = case(json!({"name": "a", "contacts": [], "expect": []}));
        let refused = case(json!({"name": "a", "refused": "no such type"}));
        for (case, refusal, difference) in [
            (&plain, None, ""),
            (&plain, Some("no"), "refused: no"),
            (&refused, None, "the profile is accepted, and not refused with 'no such type'"),
            (&refused, Some("fields[0].type: no such type"), ""),
            (&refused, Some("other"), "refused without 'no such type': other"),
        ] {
            assert_eq!(case.profile_differences(refusal).join("\n"), difference);
        }
    }

    #[test]
    fn each_difference_is_one_line() {
        let good = json!({"id": 1, "statusCode": 201});
        let bad = json!({"id": null, "statusCode": 400, "errors": {"code": 400, "message": "email: No.", "type": null,
            "details": {"email": ["No.", "Never."], "points": ["Many."]}}});
        let contact = json!({"id": 1, "fields": {"all": {"city": "Bonn", "points": 3}}});
        for (expected, row, difference) in [
            (json!(201), &good, ""),
            (json!({"status": 201, "id": 1}), &good, ""),
            (json!({"status": 201, "id": 2}), &good, "contact 0: id 1 instead of 2"),
            (json!(200), &good, "contact 0: status 201 instead of 200"),
            (json!({"status": 400, "message": "email"}), &bad, ""),
            (json!({"status": 400, "message": "city"}), &bad, "contact 0: message \"email: No.\" without 'city'"),
            (json!({"status": 400, "type": "trapped"}), &bad, "contact 0: type null instead of 'trapped'"),
            (json!({"status": 400, "errors": {"email": ["No", "Never"], "points": ""}}), &bad, ""),
            (
                json!({"status": 400, "errors": {"email": "Yes", "city": ""}}),
                &bad,
                "contact 0: no error for 'city'\ncontact 0: 'email': [\"No.\",\"Never.\"] without 'Yes'\n\
                 contact 0: an error for 'points' that was not expected: [\"Many.\"]",
            ),
            (json!({"status": 201, "contact": {"fields": {"all": {"city": "Bonn"}}}}), &good, ""),
            (
                json!({"status": 201, "contact": {"fields": {"all": {"city": "Köln", "zip": 1}}}}),
                &good,
                "contact 0: contact.fields.all.city: \"Bonn\" instead of \"Köln\"\n\
                 contact 0: contact.fields.all.zip: missing instead of 1",
            ),
        ] {
            assert_eq!(differences(&expected, row, &contact), difference, "{expected}");
        }
    }
}
