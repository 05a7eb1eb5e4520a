//! Plays cases.

use serde_json::Value;

use crate::bulk::Bulk;
use crate::case::{Assertion, Case, Expect, Step};
use crate::expand::Names;
use crate::{Answer, Api, Form, assertion, changes};

impl Case {
    /// Plays the case on a tenant with its [`Self::profile`] and no contacts.
    ///
    /// # Errors
    /// If a step fails. The error has one line for each difference in the first such step. Later steps are not played.
    pub fn run(&self, form: Form, api: &mut dyn Api) -> Result<(), String> {
        match form {
            Form::Batch => self.play(form, api),
            Form::Bulk => self.play(form, &mut Bulk(api)),
        }
    }

    fn play(&self, form: Form, api: &mut dyn Api) -> Result<(), String> {
        let mut names = Names::default();
        let mut ids = Vec::new();
        for (name, contact) in self.contacts() {
            let body = Value::Object(contact).to_string();
            let answer = send(api, "POST", "/api/contacts/new", &[], &body);
            let id = parsed(&answer)["contact"]["id"].clone();
            ids.extend(id.as_u64().filter(|_| answer.status == 201));
            if !id.is_u64() {
                return Err(format!("the contact {name} cannot be created: {} {}", answer.status, answer.text));
            }
            names.known.insert(name, id);
        }
        for (index, step) in self.steps.iter().enumerate() {
            let expect = step.expect_in_bulk.as_ref().filter(|_| form == Form::Bulk).unwrap_or(&step.expect);
            step.play(expect, &mut names, &ids, api).map_err(|failures| format!("step {index}: {failures}"))?;
        }
        Ok(())
    }
}

impl Step {
    fn play(&self, expect: &Expect, names: &mut Names, ids: &[u64], api: &mut dyn Api) -> Result<(), String> {
        let headers: Vec<(String, String)> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap_or("").to_owned()))
            .collect();
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let before = expect.changed_fields.as_ref().map(|_| changes::snapshot(api, ids));
        let body = names.in_body(&self.body);
        let answer = send(api, &self.method, &names.in_text(&self.path), &headers, &body);

        names.answer = parsed(&answer);
        let mut failures = Vec::new();
        if expect.status.map_or(answer.status >= 400, |status| status != answer.status) {
            failures.push(format!("the status is {}", answer.status));
        }
        if expect.raw_body.as_ref().is_some_and(|body| *body != answer.text) {
            failures.push("the body differs".to_owned());
        }
        for asserted in &expect.assert {
            let Assertion { path, op, value } = asserted;
            let asserted = Assertion { path: names.in_text(path), op: *op, value: names.in_value(value) };
            failures.extend(assertion::check(&asserted, &names.answer).err());
        }
        if let (Some(expected), Some(before), true) = (&expect.changed_fields, &before, failures.is_empty()) {
            failures.extend(changes::check(api, expected, &names.answer, before).err());
        }
        for (name, path) in &expect.capture {
            let captured = path.as_str().and_then(|path| crate::path::at(&names.answer, path)).cloned();
            match captured {
                Some(value) => drop(names.known.insert(name.clone(), value)),
                None => failures.push(format!("there is no value at {path} to capture")),
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(format!("{}\n  answer: {}", failures.join("\n  "), answer.text)) }
    }
}

/// Sends a call. The body is JSON unless the case names another type.
fn send(api: &mut dyn Api, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut headers = headers.to_vec();
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
        headers.push(("content-type", "application/json"));
    }
    api.call(method, path, &headers, body.as_bytes())
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or(Value::Null)
}
