//! Serves the contact API from a library, without HTTP.

use serde_json::{Map, Value, json};

use crate::{Answer, Api};

/// The operation of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `POST …/new`.
    Create,
    /// `PUT …/edit`.
    Replace,
    /// `PATCH …/edit`.
    Update,
}

/// A minimal host: the contacts of one tenant, and a component that decides items.
pub trait Library {
    /// Applies items, and returns one row for each: `id`, `statusCode` and, if the item was rejected, `errors`.
    fn apply(&mut self, operation: Operation, items: &[String]) -> Vec<Value>;
    /// Returns the existing contacts among `ids` as a client sees them, or all contacts if `ids` is `None`.
    fn show(&mut self, ids: Option<&[u64]>) -> Vec<Value>;
    /// Returns the id of the contact whose unique field has this value in normal form.
    fn find(&mut self, field: &str, value: &str) -> Option<u64>;
    /// Removes a contact.
    fn remove(&mut self, id: u64);
}

/// What the server says to a list within an object.
const WRAPPED: &str = "The body is an object whose member 'contacts' has the contacts. Nothing was stored. Send the list itself, without 'contacts' around it.";

/// The contact API in front of a [`Library`]. It has the paths and envelopes that the cases need, and completes jobs at once.
#[derive(Debug)]
pub struct LibraryApi<L> {
    library: L,
    jobs: Vec<Vec<Value>>,
}

impl<L: Library> LibraryApi<L> {
    /// Returns the API in front of `library`.
    pub const fn new(library: L) -> Self {
        Self { library, jobs: Vec::new() }
    }

    fn single(&mut self, operation: Operation, item: &Value) -> Answer {
        let row = self.library.apply(operation, &[item.to_string()]).remove(0);
        let status = row["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or_default();
        match row.get("errors") {
            Some(error) => answer(status, &json!({"errors": [error]})),
            None => answer(status, &json!({"contact": row["id"].as_u64().and_then(|id| self.contact(id))})),
        }
    }

    fn job(&mut self, operation: Operation, body: &Value) -> Answer {
        let items: Vec<String> = match body {
            Value::Array(items) => items.iter().map(Value::to_string).collect(),
            Value::Object(members) if members.get("contacts").is_some_and(Value::is_array) => {
                return answer(400, &json!({"errors": [{"message": WRAPPED, "code": 400, "type": "bad_request"}]}));
            }
            Value::Object(members) => members.values().map(Value::to_string).collect(),
            _ => {
                return answer(
                    400,
                    &json!({"errors": [{"message": "not a list", "code": 400, "type": "bad_request"}]}),
                );
            }
        };
        let rows = self.library.apply(operation, &items);
        self.jobs.push(rows);
        answer(202, &json!({"id": (self.jobs.len() - 1).to_string()}))
    }

    fn rows(&self, job: &str) -> Answer {
        match job.parse().ok().and_then(|job: usize| self.jobs.get(job)) {
            Some(rows) => answer(200, &json!({"status": "completed", "details": {"contacts": rows}})),
            None => answer(404, &json!({})),
        }
    }

    fn search(&mut self, query: &str) -> Answer {
        let ids: Option<Vec<u64>> = match query.strip_prefix("search=").and_then(|search| search.split_once(':')) {
            Some(("ids", ids)) => Some(ids.split(',').filter_map(|id| id.parse().ok()).collect()),
            Some((field @ "email", value)) => Some(self.library.find(field, value).into_iter().collect()),
            _ => None,
        };
        let contacts = self.library.show(ids.as_deref());
        let contacts: Map<String, Value> =
            contacts.into_iter().map(|contact| (contact["id"].to_string(), contact)).collect();
        answer(200, &json!({"total": contacts.len().to_string(), "contacts": contacts}))
    }

    fn contact(&mut self, id: u64) -> Option<Value> {
        self.library.show(Some(&[id])).pop()
    }
}

impl<L: Library> Api for LibraryApi<L> {
    fn call(&mut self, method: &str, path: &str, _headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path: Vec<&str> = path.trim_start_matches("/api/contacts").trim_start_matches('/').split('/').collect();
        let operation = match method {
            "PUT" => Operation::Replace,
            "PATCH" => Operation::Update,
            _ => Operation::Create,
        };
        let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
        match path.as_slice() {
            ["bulk", _] => self.job(operation, &body),
            ["job", job] => self.rows(job),
            [""] => self.search(query),
            ["new"] => self.single(operation, &body),
            [id, "edit"] => {
                body["id"] = json!(id);
                self.single(operation, &body)
            }
            [id] | [id, "delete"] => {
                let id = id.parse().unwrap_or_default();
                let Some(mut contact) = self.contact(id) else { return answer(404, &json!({})) };
                if method == "DELETE" {
                    self.library.remove(id);
                    contact["id"] = Value::Null;
                }
                answer(200, &json!({"contact": contact}))
            }
            _ => answer(404, &json!({})),
        }
    }
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer { status, text: body.to_string() }
}
