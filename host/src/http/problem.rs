//! Requests that fail as a whole, as clients are told. The texts of failed items are in `jobs::decide::failure_reason` and in
//! `sandbox::call_error`.

mod from_errors;

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{ACCEPT_ENCODING, ALLOW, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

use super::problem_details::{FAILED_LOGINS_KIND, ProblemDetails, QUOTA_EXCEEDED_KIND, TOO_MANY_CONNECTIONS_KIND};
use super::reply::{Reply, json};
use crate::jobs::MAX_WEBHOOK_TESTS;
use crate::tenants::Scope;

/// The `Retry-After` of a request that was refused because the server or the store is overloaded or unavailable, in seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

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

    /// Returns the problem of a body that has two items under one key.
    pub(super) fn repeated_key(key: &str) -> Self {
        const MAX_CHARACTERS: usize = 100;
        let key: String = key.chars().take(MAX_CHARACTERS).collect();
        Self::bad_request(format!(
            "The body has the key '{key}' twice. Nothing was stored. Send each contact under a key of its own, or send a list."
        ))
    }

    /// Returns the problem of a request with a header twice.
    pub(super) fn repeated_header(name: &HeaderName) -> Self {
        Self::bad_request(format!(
            "The header {} is there twice. Nothing was stored. Send it once.",
            title_case(name.as_str())
        ))
    }

    /// Returns the problem of a request without credentials. The text is Mautic's.
    pub(super) fn no_credentials() -> Self {
        Self::unauthorized("access_denied", "API authorization denied.")
    }

    /// Returns the problem of a request with a token in its URL, whatever other credentials it has.
    pub(super) fn token_in_query() -> Self {
        Self::unauthorized(
            "access_denied",
            "'access_token' is not taken from a URL, because proxies and browsers keep URLs in logs and histories. Send the token as 'Authorization: Bearer'.",
        )
    }

    /// Returns the problem of a request with wrong credentials. The text is Mautic's.
    pub(super) fn wrong_credentials() -> Self {
        Self::unauthorized("access_denied", "Authorization denied, invalid credentials.")
    }

    /// Returns the problem of a request with an unknown token. The text is Mautic's.
    pub(super) fn wrong_token() -> Self {
        Self::unauthorized("invalid_grant", "The access token provided is invalid.")
    }

    /// Returns the problem of a client that sent too many wrong credentials.
    pub(super) fn too_many_failed_logins() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            FAILED_LOGINS_KIND,
            "Too many requests with wrong credentials came from this address. Correct them, and wait for the time in Retry-After.",
        )
    }

    /// Returns whether it is that of a request for a token with wrong credentials.
    pub(super) fn is_invalid_client(&self) -> bool {
        self.kind == "invalid_client"
    }

    fn unauthorized(kind: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, kind, message)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Bulkhead\", charset=\"UTF-8\""))
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Bulkhead\""))
    }

    /// Returns the problem of a request with an expired token. The text is Mautic's.
    pub(super) fn expired_token() -> Self {
        Self::unauthorized("invalid_grant", "The access token provided has expired.")
    }

    /// Returns a refusal of the token endpoint. For these, Mautic returns 400 and a text of its OAuth library.
    pub(super) fn oauth(kind: &'static str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, message)
    }

    /// Returns the problem of a batch with too many items. The text is Mautic's.
    pub(super) fn too_many_items(limit: usize) -> Self {
        Self::bad_request(format!("A max of {limit} entities are supported at a time."))
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

    fn not_found(message: impl Into<String>) -> Self {
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

    /// Returns the problem of a request that a browser sends for a page of another origin, with credentials that the page does
    /// not know.
    pub(super) fn cross_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross_origin",
            "A browser sent this request with Basic credentials for a page of another origin. Nothing was stored. Let the page send a token as `Authorization: Bearer`, or call from a server.",
        )
    }

    /// Returns the problem of a client whose secret has a scope that does not allow the call.
    ///
    /// `needed` are the scopes that allow it.
    pub(super) fn scope_forbids(scope: Scope, needed: &str) -> Self {
        let allowed = match scope {
            Scope::Full => "everything",
            Scope::Read => "reading",
            Scope::Submit => "sending jobs, and reading, cancelling and deleting those whose ids the client knows",
        };
        Self::insufficient_scope(format!(
            "The client's secret has the scope '{scope}', which allows {allowed}. Nothing was stored. For this call, use a secret with the scope {needed}, which the operator makes."
        ))
    }

    /// Returns the problem of a client that asks what would become of contacts that it may not see.
    pub(super) fn scope_forbids_dry_runs(scope: Scope) -> Self {
        Self::insufficient_scope(format!(
            "A dry run tells what is stored, which the scope '{scope}' of the client's secret does not allow. Nothing was stored. Use a secret with the scope 'full', which the operator makes."
        ))
    }

    /// Returns the problem of a client that asks for the rows of a dry run, which tell of contacts that it may not see.
    pub(super) fn scope_forbids_rows(scope: Scope) -> Self {
        Self::insufficient_scope(format!(
            "The rows of a dry run tell what is stored, which the scope '{scope}' of the client's secret does not allow. Leave 'details' out, or use a secret with the scope 'read' or 'full', which the operator makes."
        ))
    }

    /// As RFC 6750 wants it (section 3.1), the header says it, too.
    fn insufficient_scope(message: String) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"Bulkhead\", error=\"insufficient_scope\"");
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", message).with(WWW_AUTHENTICATE, challenge)
    }

    /// Returns the problem of an operator's request to change something, with the token that may only read.
    pub(super) fn read_only_token() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "read_only_token",
            "This operators' token may only read (--admin-read-token). Nothing was changed. Use the other one (--admin-token) for this call.",
        )
    }

    /// Returns the problem of a request for which no connection is left.
    pub(super) fn all_connections_busy() -> Self {
        Self::unavailable(
            "All connections of the server are busy with other requests. Nothing was stored; send it again.",
        )
    }

    /// Returns the problem of a tenant that has too many requests in progress, over all its connections.
    pub(super) fn too_many_requests() -> Self {
        Self::unavailable(
            "This tenant has as many requests in progress as one tenant may have. Nothing was stored; send fewer at once.",
        )
    }

    /// Returns the problem of a tenant that has too many requests that wait for jobs.
    pub(super) fn too_many_waits() -> Self {
        Self::unavailable(
            "This tenant has as many requests that wait for jobs as one tenant may have. Close some, or ask for the job's state without waiting.",
        )
    }

    /// Returns the problem of a client that speaks HTTP without TLS to a listener with TLS.
    pub(super) fn without_tls() -> Self {
        Self::bad_request(
            "This is a plain HTTP request to an HTTPS server. Send it to https:// in place of http://. Nothing was stored.",
        )
    }

    /// Returns the problem of a client that has too many connections, or too many requests in progress behind a proxy.
    pub(super) fn too_many_connections() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            TOO_MANY_CONNECTIONS_KIND,
            "Too many connections or requests at once from this address. Nothing was stored; close some, and send it again.",
        )
        .retry()
    }

    pub(super) fn unsupported_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!("The body is larger than {limit} bytes (before or after inflating). Send it in several requests."),
        )
    }

    /// Returns the text that the client gets.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE
    }

    pub(super) fn too_slow(seconds: u64) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            format!("The body did not arrive within {seconds} seconds. Nothing was stored; send it again."),
        )
    }

    pub(super) fn too_low_rate(bytes_per_second: u64) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            format!(
                "The body arrived at less than {bytes_per_second} bytes per second. Nothing was stored; send it again, faster or in smaller requests."
            ),
        )
    }

    pub(super) fn no_gzip() -> Self {
        Self::bad_request(
            "The body is no gzip, or it is damaged or was cut off. Nothing was stored; compress it again.",
        )
    }

    pub(super) fn too_many_gzip_members(members: u64) -> Self {
        Self::bad_request(format!(
            "The body's gzip has too many members for its size: {members}. Compress the body as a whole."
        ))
    }

    pub(super) fn no_zstd() -> Self {
        Self::bad_request(
            "The body is no zstd, or it is damaged or was cut off. Nothing was stored; compress it again.",
        )
    }

    pub(super) fn too_many_zstd_frames(frames: u64) -> Self {
        Self::bad_request(format!(
            "The body's zstd has too many frames for its size: {frames}. Compress the body as a whole."
        ))
    }

    /// Returns the problem of a body whose decoder would have to remember `window` bytes.
    pub(super) fn too_large_zstd_window(window: u64, limit: u64) -> Self {
        Self::bad_request(format!(
            "The body's zstd needs a window of {window} bytes, and at most {limit} are taken. Compress it at a level up to 19, without --ultra and --long."
        ))
    }

    /// Returns the problem of a body that is compressed in a way that no call takes.
    pub(super) fn unsupported_coding(coding: &str) -> Self {
        Self::unsupported_type(format!(
            "'{coding}' is not an encoding this call takes; send the body as it is, or as gzip or zstd."
        ))
        .with(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"))
    }

    pub(super) fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry()
    }

    /// Returns the problem of a call of a tenant that has `limit` calls already, none of which ended in time.
    pub(super) fn too_many_calls(limit: usize) -> Self {
        Self::unavailable(&format!(
            "This tenant has {limit} batch or single requests in progress already, which is the limit. Nothing was stored. Send fewer at once, or use the bulk endpoints."
        ))
    }

    /// Returns the problem of a call that got no place among the calls of all tenants.
    fn no_permit() -> Self {
        Self::unavailable(
            "The server had no place for this batch or single request, as too many others run or wait. Nothing was stored; send it again later, or use the bulk endpoints.",
        )
    }

    fn busy() -> Self {
        Self::unavailable("The server has no room for this request now. Nothing was stored; send it again.")
    }

    fn still_compiling() -> Self {
        Self::unavailable(
            "The server is still preparing the component that decides on this tenant's contacts. Nothing was stored; send the request again.",
        )
    }

    pub(super) fn too_many_large_requests() -> Self {
        Self::unavailable(
            "Too many large requests at once. Nothing was stored; send it again later, or in smaller requests.",
        )
    }

    /// Returns the problem of a request whose answer has no room beside the tenant's answers that wait to be taken.
    pub(super) fn too_many_large_answers() -> Self {
        Self::unavailable(
            "Too many large answers wait until their clients take them. Take answers faster, or ask for less at once with 'limit'; then send the request again.",
        )
    }

    /// Returns the problem of a large body that arrived slowly while other tenants' bodies waited for memory.
    pub(super) fn given_up() -> Self {
        Self::unavailable(
            "The memory for this large and slow request was needed for other requests. Nothing was stored; send it again, faster or in smaller requests.",
        )
    }

    pub(super) fn shutting_down() -> Self {
        Self::unavailable("The server is shutting down. Nothing was stored; send the request again.")
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

    /// Returns the problem of a tenant that exceeds a rate.
    fn too_often(message: String, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs().saturating_add(1);
        Self::new(StatusCode::TOO_MANY_REQUESTS, QUOTA_EXCEEDED_KIND, message)
            .with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    fn retry(self) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
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
        reply.extensions_mut().insert(ProblemDetails { kind: self.kind, message: self.message });
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
