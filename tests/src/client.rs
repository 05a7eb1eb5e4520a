//! HTTP clients.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Method, Request};

use crate::exchanges::{self, Sent};
use crate::{DEADLINE, Job};

/// Largest body of an answer that a client reads.
const MAX_REPLY_BYTES: u64 = 64 << 20;

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self { status, headers, body }
    }

    /// Returns the first header of a name, which must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns all headers with their names, which are in lower case.
    pub(crate) fn all_headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Returns all headers of a name.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// Returns the answer if it has this status.
    ///
    /// # Panics
    /// If it has another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// Returns the one error of an envelope.
    ///
    /// # Panics
    /// If the body is not an envelope of the wire contract.
    #[track_caller]
    pub fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        let json = self.json();
        let errors = json["errors"].as_array().unwrap_or_else(|| panic!("no envelope: {json}"));
        assert_eq!((json.as_object().map(|object| object.len()), errors.len()), (Some(1), 1), "{json}");
        let names: Vec<&String> = errors[0].as_object().into_iter().flat_map(|error| error.keys()).collect();
        assert_eq!(names, ["message", "code", "type"], "{json}");
        assert_eq!(errors[0]["code"], self.status, "{json}");
        assert!(errors[0]["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        errors[0].clone()
    }

    /// Returns the message of an envelope's error.
    #[track_caller]
    pub fn message(&self) -> String {
        self.problem()["message"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client of a server.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    authorization: Option<String>,
    is_recorded: bool,
}

impl Client {
    pub(crate) fn new(url: String, authorization: Option<String>) -> Self {
        Self::with_timeout(url, authorization, DEADLINE)
    }

    /// Returns a client of the server at a URL with an `Authorization` header, or none, whose calls fail after `timeout`.
    pub fn with_timeout(url: String, authorization: Option<String>, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .proxy(None)
            // Answers come as they are, unless a test asks for another form.
            .accept_encoding("")
            .timeout_global(Some(timeout));
        Self { agent: config.build().into(), url, authorization, is_recorded: true }
    }

    /// Keeps the exchanges out of what is compared with the descriptions of the APIs.
    pub(crate) fn unrecorded(self) -> Self {
        Self { is_recorded: false, ..self }
    }

    /// Makes a call. Sends no `content-type` unless it is among the headers.
    ///
    /// # Errors
    /// If there is no answer.
    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, ureq::Error> {
        let meant = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-http-method-override"));
        let sent = Sent { method, path, meant: meant.map(|(_, meant)| *meant) };
        let method = Method::from_bytes(method.as_bytes()).expect("it is a method");
        let mut request = Request::builder().method(&method).uri(format!("{}{path}", self.url));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bodiless = body.is_empty() && (method == Method::GET || method == Method::DELETE);
        let mut response = if bodiless {
            self.agent.run(request.body(()).expect("the headers can be sent"))?
        } else {
            self.agent.run(request.body(body).expect("the headers can be sent"))?
        };
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or("?").to_owned()));
        let headers = headers.collect();
        let body = response.body_mut().with_config().limit(MAX_REPLY_BYTES).read_to_vec()?;
        let reply = Reply::new(response.status().as_u16(), headers, body);
        let is_plain = reply.header("content-encoding").is_none();
        if self.is_recorded {
            exchanges::record(&sent, &reply, is_plain.then_some(&*reply.body));
        }
        Ok(reply)
    }

    /// Makes a call, as [`Self::try_call`].
    ///
    /// # Panics
    /// If there is no answer.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_call(method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Makes a `GET` call.
    #[track_caller]
    pub fn get(&self, path: &str) -> Reply {
        self.call("GET", path, &[], &[])
    }

    /// Makes a `DELETE` call.
    #[track_caller]
    pub fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, &[], &[])
    }

    /// Makes a call with a JSON body.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let headers: Vec<_> = headers.iter().copied().chain([("content-type", "application/json")]).collect();
        self.call(method, path, &headers, body.to_string().as_bytes())
    }

    /// Sends `POST /api/contacts/bulk/new`, which must be accepted.
    #[track_caller]
    pub fn create(&self, items: &Value) -> Job<'_> {
        self.accepted(&self.send("POST", "/api/contacts/bulk/new", &[], items))
    }

    /// Sends `PUT /api/contacts/bulk/edit`, which must be accepted.
    #[track_caller]
    pub fn replace(&self, items: &Value) -> Job<'_> {
        self.accepted(&self.send("PUT", "/api/contacts/bulk/edit", &[], items))
    }

    /// Sends `PATCH /api/contacts/bulk/edit`, which must be accepted.
    #[track_caller]
    pub fn update(&self, items: &Value) -> Job<'_> {
        self.accepted(&self.send("PATCH", "/api/contacts/bulk/edit", &[], items))
    }

    /// Returns the job of a `202`.
    ///
    /// # Panics
    /// If the answer has another status.
    #[track_caller]
    pub fn accepted(&self, reply: &Reply) -> Job<'_> {
        assert_eq!(reply.status, 202, "{}", reply.text());
        let id = reply.json()["id"].as_str().unwrap_or_else(|| panic!("no id: {}", reply.text())).to_owned();
        self.job(id)
    }

    /// Returns a job by its id.
    pub fn job(&self, id: impl Into<String>) -> Job<'_> {
        Job::new(self, id.into())
    }

    /// Returns a contact's values by their aliases.
    ///
    /// # Panics
    /// If there is no such contact.
    #[track_caller]
    pub fn values(&self, id: &Value) -> Value {
        self.get(&format!("/api/contacts/{id}")).expect(200).json()["contact"]["fields"]["all"].clone()
    }

    /// Returns the number of contacts that have an address, and the values of the first.
    #[track_caller]
    pub fn search(&self, email: &str) -> (usize, Value) {
        let email = email.replace('%', "%25").replace('+', "%2B").replace('@', "%40").replace(' ', "%20");
        let found = self.get(&format!("/api/contacts?search=email:{email}")).expect(200).json();
        let total = found["total"].as_str().and_then(|total| total.parse().ok()).expect("a total");
        let first = found["contacts"].as_object().and_then(|contacts| contacts.values().next());
        (total, first.map_or(Value::Null, |contact| contact["fields"]["all"].clone()))
    }
}
