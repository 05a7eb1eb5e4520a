//! Sends a batch as a bulk job, and converts the job's rows to the answer of a batch.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::{Answer, Api};

/// Largest time until a job is completed.
const JOB_TIMEOUT: Duration = Duration::from_secs(60);
/// Pause between two reads of a job.
const POLL_PAUSE: Duration = Duration::from_millis(10);

/// An API that sends batch calls to the bulk endpoints, and all other calls unchanged.
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
    /// Waits until a job is completed, and returns the rows of all its pages.
    fn rows(&mut self, id: &Value) -> Vec<Value> {
        let id = id.as_str().unwrap_or_else(|| panic!("the answer to a bulk call has no id"));
        let started = Instant::now();
        while json(&self.get(&format!("/api/contacts/job/{id}")))["status"] != "completed" {
            assert!(started.elapsed() < JOB_TIMEOUT, "job {id} was not completed in time");
            sleep(POLL_PAUSE);
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

    /// Returns the envelope of a batch. As in Mautic, an edit lists a contact that was found even if its item was rejected.
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

/// Returns the keys of the items: the client's keys, or indexes in a list.
fn keys(body: &[u8]) -> Vec<String> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => members.keys().cloned().collect(),
        Ok(Value::Array(items)) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    }
}

/// Converts entries as PHP does: to a list if the keys are 0, 1, 2, …, and to an object otherwise.
fn array(entries: Vec<(&String, Value)>) -> Value {
    if entries.iter().enumerate().all(|(index, (key, _))| **key == index.to_string()) {
        return entries.into_iter().map(|(_, value)| value).collect();
    }
    Value::Object(entries.into_iter().map(|(key, value)| (key.clone(), value)).collect::<Map<_, _>>())
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.text).unwrap_or_else(|error| panic!("{error}: {} {}", answer.status, answer.text))
}
