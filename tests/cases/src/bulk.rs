//! A batch as a bulk job, and the job's rows and contacts as the answer of a batch.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::{Answer, Api};

/// How long a job may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long to wait before asking for a job again.
const PAUSE: Duration = Duration::from_millis(10);

/// Sends the batches of what is called through it to the bulk endpoints.
pub(crate) struct Bulk<'a>(pub(crate) &'a mut dyn Api);

impl Api for Bulk<'_> {
    fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let Some(action) = path.strip_prefix("/api/contacts/batch/").filter(|action| *action != "delete") else {
            return self.0.call(method, path, headers, body);
        };
        let accepted = self.0.call(method, &format!("/api/contacts/bulk/{action}"), headers, body);
        if accepted.status != 202 {
            return accepted;
        }
        let rows = self.rows(&json(&accepted)["id"]);
        let answer = self.envelope(&keys(body), &rows, action == "edit");
        Answer { status: if method == "POST" { 201 } else { 200 }, text: answer.to_string() }
    }
}

impl Bulk<'_> {
    /// The rows of a job when it is done, joined from pages.
    fn rows(&mut self, id: &Value) -> Vec<Value> {
        let id = id.as_str().unwrap_or_else(|| panic!("the answer to a bulk call has no id"));
        let started = Instant::now();
        while json(&self.get(&format!("/api/contacts/job/{id}")))["status"] != "completed" {
            assert!(started.elapsed() < DEADLINE, "job {id} is not done in time");
            sleep(PAUSE);
        }
        let mut rows = Vec::new();
        let mut next = Some(format!("/api/contacts/job/{id}?details=1&limit=1000"));
        while let Some(path) = next {
            let page = json(&self.get(&path));
            rows.extend(page["details"]["contacts"].as_array().cloned().unwrap_or_default());
            next = page["details"]["next-page"].as_str().map(str::to_owned);
        }
        rows
    }

    fn get(&mut self, path: &str) -> Answer {
        self.0.call("GET", path, &[], b"")
    }

    /// An edit lists a contact that was found, even if the item was refused.
    fn envelope(&mut self, keys: &[String], rows: &[Value], is_edit: bool) -> Value {
        assert_eq!(keys.len(), rows.len(), "there is one row for each item");
        let (mut contacts, mut codes, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (key, row) in keys.iter().zip(rows) {
            let code = row["statusCode"].as_u64().unwrap_or_default();
            codes.push((key, row["statusCode"].clone()));
            if let Some(error) = row.get("errors") {
                errors.push((key, error.clone()));
            }
            let is_shown = matches!(code, 200 | 201) || (is_edit && matches!(code, 400 | 422));
            if let Some(id) = row["id"].as_u64().filter(|_| is_shown) {
                let read = self.get(&format!("/api/contacts/{id}"));
                if read.status == 200 {
                    contacts.push((key, json(&read)["contact"].clone()));
                }
            }
        }
        let mut envelope = json!({"contacts": array(contacts), "statusCodes": array(codes)});
        if !errors.is_empty() {
            envelope["errors"] = array(errors);
        }
        envelope
    }
}

/// The keys of the request: the caller's, or places in a list.
fn keys(body: &[u8]) -> Vec<String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => members.keys().cloned().collect(),
        Ok(Value::Array(items)) => (0..items.len()).map(|place| place.to_string()).collect(),
        _ => Vec::new(),
    }
}

/// PHP's arrays: a list if the keys are 0, 1, 2, …, else an object.
fn array(entries: Vec<(&String, Value)>) -> Value {
    if entries.iter().enumerate().all(|(place, (key, _))| **key == place.to_string()) {
        return entries.into_iter().map(|(_, value)| value).collect();
    }
    Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), value)).collect::<Map<_, _>>())
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.text))
}
