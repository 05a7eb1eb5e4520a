//! Requests that fail as a whole, as clients are told. The texts of failed items are in `jobs::decide::failure_reason` and in
//! `sandbox::call_error`.

mod from_errors;
mod of_bodies;
mod of_credentials;
mod of_load;

use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

use super::problem_details::{ProblemDetails, QUOTA_EXCEEDED_KIND};
use super::reply::{Reply, json};
use crate::jobs::MAX_WEBHOOK_TESTS;

/// Why a request fails, as the client is told.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    errors: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    message: &'a str,
    code: u16,
    r#type: &'a str,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// Returns the problem of a query with a parameter twice.
    pub(super) fn repeated_parameter(name: &str) -> Self {
        Self::bad_request(format!("'{name}' is there twice. Send it once."))
    }

    /// Returns the problem of a request with a header twice.
    pub(super) fn repeated_header(name: &HeaderName) -> Self {
        Self::bad_request(format!(
            "The header {} is there twice. Nothing was stored. Send it once.",
            title_case(name.as_str())
        ))
    }

    pub(super) fn unknown_path(path: &str) -> Self {
        let hint = if path == "/" { ". The API is at /api/contacts; GET /docs describes it" } else { "" };
        Self::not_found(format!("Requested URL not found: {path}{hint}"))
    }

    pub(super) fn unknown_job() -> Self {
        Self::not_found(
            "Job was not found: it never existed, was deleted, or has expired. GET /api/contacts/jobs lists the jobs that there are.",
        )
    }

    /// Returns the problem of a file of a job that is not completed: a file of some rows could be taken for the whole.
    pub(super) fn job_unfinished(retry_seconds: u64) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "job_unfinished",
            "The job is not completed, so its file would not be whole. Ask for it when the status is completed; 'details=full' shows the rows so far.",
        )
        .with(RETRY_AFTER, HeaderValue::from(retry_seconds))
    }

    pub(super) fn unknown_webhook() -> Self {
        Self::not_found("Webhook was not found: it never existed, or was removed.")
    }

    pub(super) fn unknown_message() -> Self {
        Self::not_found("Message was not found: the webhook never had it, or keeps it no longer.")
    }

    /// Returns the problem of a message that is to be sent to an endpoint that gets none.
    pub(super) fn webhook_disabled() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "webhook_disabled",
            "The webhook is disabled, so nothing is sent to it. Enable it with PATCH and {\"enabled\": true}, which also sends what it missed.",
        )
    }

    /// Returns the problem of an owner that has as many endpoints as it may.
    pub(super) fn too_many_webhooks(limit: u32) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "too_many_webhooks",
            format!("There are {limit} webhooks, and more cannot be had. Nothing was added. Remove one first."),
        )
    }

    /// Returns the problem of a webhook that was tested too often.
    pub(super) fn too_many_webhook_tests() -> Self {
        const RETRY_SECONDS: u64 = 60;
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            QUOTA_EXCEEDED_KIND,
            format!("This webhook was tested {MAX_WEBHOOK_TESTS} times in the last minute, which is the limit. Nothing was sent. Try again in a minute."),
        )
        .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// Returns the problem of applying a dry run that is not completed.
    pub(super) fn dry_run_unfinished() -> Self {
        const RETRY_SECONDS: u64 = 1;
        Self::new(
            StatusCode::CONFLICT,
            "job_unfinished",
            "This dry run is not completed. Nothing was stored. Apply it when its status is completed.",
        )
        .with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    /// Returns the problem of undoing a job that is not completed.
    pub(super) fn undone_unfinished(message: String) -> Self {
        const RETRY_SECONDS: u64 = 1;
        Self::new(StatusCode::CONFLICT, "job_unfinished", message).with(RETRY_AFTER, HeaderValue::from(RETRY_SECONDS))
    }

    pub(super) fn unknown_group() -> Self {
        Self::not_found("Group was not found: it never existed, or all of its jobs were deleted or have expired.")
    }

    /// Returns the problem of a contact that does not exist. The text is Mautic's.
    pub(super) fn unknown_contact() -> Self {
        Self::not_found("Item was not found.")
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// Returns the problem of a method that a path does not have. `methods` are those that it has, separated by commas; where
    /// there is GET there is HEAD, and there is always OPTIONS.
    pub(super) fn wrong_method(method: &str, methods: &str) -> Self {
        Self::wrong_method_with(method, methods, "")
    }

    /// As [`Self::wrong_method`], with what to do instead.
    pub(super) fn wrong_method_with(method: &str, methods: &str, advice: &str) -> Self {
        let head = if methods.split(", ").any(|method| method == "GET") { ", HEAD" } else { "" };
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("{method} is not allowed here; use {methods}.{advice}"),
        );
        match HeaderValue::from_str(&format!("{methods}{head}, OPTIONS")) {
            Ok(allow) => problem.with(ALLOW, allow),
            Err(_) => problem,
        }
    }

    /// Returns the answer to a `GET` of a path with a slash too many: the path without it. Clients follow it by themselves.
    pub(super) fn moved(location: &str) -> Self {
        let problem = Self::new(StatusCode::MOVED_PERMANENTLY, "moved", format!("The path is {location}."));
        match HeaderValue::from_str(location) {
            Ok(location) => problem.with(LOCATION, location),
            Err(_) => problem,
        }
    }

    /// Returns the methods that the path has, if the problem is that the request has another.
    pub(super) fn allowed_methods(&self) -> Option<&HeaderValue> {
        self.headers.iter().find(|(name, _)| name == ALLOW).map(|(_, methods)| methods)
    }

    /// Returns the problem of a client that speaks HTTP without TLS to a listener with TLS.
    pub(super) fn without_tls() -> Self {
        Self::bad_request(
            "This is a plain HTTP request to an HTTPS server. Send it to https:// in place of http://. Nothing was stored.",
        )
    }

    /// Returns the text that the client gets.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Says in an answer of another form what it is about, for the metrics, and adds the headers of the problem, but for the question
    /// of a browser for a password.
    pub(super) fn tell(self, reply: &mut Reply) {
        for (name, value) in self.headers.into_iter().filter(|(name, _)| *name != WWW_AUTHENTICATE) {
            reply.headers_mut().append(name, value);
        }
        reply.extensions_mut().insert(ProblemDetails { status: self.status, kind: self.kind, message: self.message });
    }

    fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The server failed, and has logged why. Nothing was stored.",
        )
    }

    pub(super) fn panicked(what: &dyn std::fmt::Display) -> Self {
        tracing::error!(event = "request_panicked", %what, "a request handler panicked");
        Self::internal()
    }

    fn envelope(&self) -> Envelope<'_> {
        Envelope { errors: [Entry { message: &self.message, code: self.status.as_u16(), r#type: self.kind }] }
    }

    /// Returns the bytes of the answer, for a connection that is closed after it and that hyper does not serve.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        let body = serde_json::to_vec(&self.envelope()).unwrap_or_default();
        let mut bytes = format!(
            "HTTP/1.1 {}\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.status,
            body.len()
        )
        .into_bytes();
        for (name, value) in &self.headers {
            for part in [title_case(name.as_str()).as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&body);
        bytes
    }

    pub(super) fn into_reply(self) -> Reply {
        let mut reply = json(self.status, &self.envelope());
        for (name, value) in self.headers {
            reply.headers_mut().append(name, value);
        }
        reply.extensions_mut().insert(ProblemDetails { status: self.status, kind: self.kind, message: self.message });
        reply
    }
}

/// Returns the name of a header as hyper sends it: each part begins with a capital. PHP's clients look for names in this form.
fn title_case(name: &str) -> String {
    let mut begins = true;
    let letter = |letter: char| {
        let written = if begins { letter.to_ascii_uppercase() } else { letter };
        begins = letter == '-';
        written
    };
    name.chars().map(letter).collect()
}
