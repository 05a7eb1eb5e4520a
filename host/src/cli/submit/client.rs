//! Calls the server, and repeats calls that fail for a while.

use std::cell::Cell;
use std::io::{ErrorKind, Read};
use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead::plain_words::json_error;
use serde::de::{DeserializeOwned, IgnoredAny};
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use ureq::http::{Method, Request, Response, Uri};
use ureq::{Agent, Body};
use uuid::Uuid;

use super::Operation;
use super::answer::{Accepted, Job, refusal};
use super::error::{SubmitError, advice};

/// The pauses before a call is repeated, which together are long enough for a restart of the server.
const RETRY_PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];
/// The longest pause that a server's `Retry-After` can cause.
pub(super) const MAX_RETRY_PAUSE: Duration = Duration::from_secs(60);
/// Rows per page of results: the most that a server returns.
const PAGE_ROWS: usize = 1_000;
/// Bytes of an answer's body.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Stands for the body of an answer that was received as a file: JSON.
const FILE_RECEIVED: &str = "null";

/// One tenant's access to one server.
pub(super) struct Client {
    agent: Agent,
    url: String,
    authorization: String,
    /// Whether the server has answered before. A call is not repeated if no server has ever answered.
    reached: Cell<bool>,
}

/// A request that creates a job.
pub(super) struct BulkRequest<'a> {
    pub(super) operation: Operation,
    /// Settings, as the query of a URL.
    pub(super) query: &'a str,
    /// The value of `Content-Type`.
    pub(super) content_type: &'static str,
    pub(super) body: &'a [u8],
}

struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    body: String,
}

impl Client {
    pub(super) fn new(url: &str, user: &str) -> Result<Self, SubmitError> {
        let url = url.trim_end_matches('/').to_owned();
        let bad_url = || SubmitError::Url(url.clone());
        let uri: Uri = url.parse().map_err(|_| bad_url())?;
        let host = uri.host().ok_or_else(bad_url)?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.query().is_some() {
            return Err(bad_url());
        }
        let parts = user.split_once(':').filter(|(id, secret)| !id.is_empty() && !secret.is_empty());
        parts.ok_or(SubmitError::User)?;
        let settings = Agent::config_builder()
            .http_status_as_error(false)
            // A redirected POST would become another request.
            .max_redirects(0)
            .user_agent(concat!("bulkhead-submit/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_send_body(Some(Duration::from_secs(120)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_recv_body(Some(Duration::from_secs(60)));
        // A proxy does not know the addresses of this machine.
        let is_local = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        let settings = if is_local { settings.proxy(None) } else { settings };
        Ok(Self {
            agent: settings.build().into(),
            authorization: format!("Basic {}", BASE64_STANDARD.encode(user)),
            url,
            reached: Cell::new(false),
        })
    }

    /// Creates a job; exactly one for each key, even if the call is repeated.
    pub(super) fn submit(&self, request: &BulkRequest<'_>, key: &str) -> Result<String, SubmitError> {
        let (method, path) = match request.operation {
            Operation::Create => (Method::POST, "/api/contacts/bulk/new"),
            Operation::Replace => (Method::PUT, "/api/contacts/bulk/edit"),
            Operation::Update => (Method::PATCH, "/api/contacts/bulk/edit"),
        };
        let BulkRequest { query, content_type, body, .. } = request;
        let mark = if query.is_empty() { "" } else { "?" };
        let answer = self.call(|| {
            let request = Request::builder()
                .method(method.clone())
                .uri(format!("{}{path}{mark}{query}", self.url))
                .header(AUTHORIZATION, &self.authorization)
                .header("Content-Type", *content_type)
                .header("Idempotency-Key", key)
                // The server can refuse the request before the body is sent, instead of closing the connection during it.
                .header("Expect", "100-continue")
                .body(*body)?;
            self.agent.run(request)
        })?;
        let accepted: Accepted = self.read(&answer, 202)?;
        if Uuid::try_parse(&accepted.id).is_err() {
            return Err(self.unexpected("the job has no usable id"));
        }
        Ok(accepted.id)
    }

    /// Returns whether the server accepted a request under a key. Asks by another request under the key, which the server refuses
    /// if it knows the key. If not, the server makes an empty job, which is deleted again.
    pub(super) fn has_accepted(&self, operation: Operation, key: &str) -> Result<bool, SubmitError> {
        let probe = BulkRequest { operation, query: "", content_type: "application/json", body: b"[]" };
        match self.submit(&probe, key) {
            Err(SubmitError::Refused { status: 422, .. }) => Ok(true),
            Err(error) => Err(error),
            Ok(id) => {
                let answer = self.call(|| {
                    let request = Request::builder()
                        .method(Method::DELETE)
                        .uri(format!("{}/api/contacts/job/{id}", self.url))
                        .header(AUTHORIZATION, &self.authorization)
                        .body(())?;
                    self.agent.run(request)
                })?;
                self.read::<Accepted>(&answer, 200).map(|_| false)
            }
        }
    }

    /// Reads a job of so many contacts, with the first page of its results if it is completed, and the pause that the server
    /// asks for.
    pub(super) fn job(&self, id: &str, contacts: usize) -> Result<(Job, Option<Duration>), SubmitError> {
        let answer = self.get(&format!("/api/contacts/job/{id}?details=full&limit={PAGE_ROWS}"))?;
        let job: Job = self.read(&answer, 200)?;
        if !job.fits(contacts) {
            return Err(self.unexpected("the job counts more contacts than were sent"));
        }
        Ok((job, answer.retry_after))
    }

    /// Reads a page of results at the path that an earlier answer named.
    pub(super) fn page(&self, path: &str) -> Result<Job, SubmitError> {
        if !path.starts_with("/api/contacts/job/") {
            return Err(self.unexpected("the path of the next page is not a job's"));
        }
        self.read(&self.get(path)?, 200)
    }

    /// Cancels a job, which keeps what it did.
    pub(super) fn cancel(&self, id: &str) -> Result<(), SubmitError> {
        let answer = self.call(|| {
            let request = Request::builder()
                .method(Method::POST)
                .uri(format!("{}/api/contacts/job/{id}/cancel", self.url))
                .header(AUTHORIZATION, &self.authorization)
                .body(())?;
            self.agent.run(request)
        })?;
        self.read::<IgnoredAny>(&answer, 200).map(drop)
    }

    /// Reads a file. `receive` is called with its content, and again from the beginning if the connection fails meanwhile.
    pub(super) fn file(
        &self,
        path: &str,
        accept: &str,
        mut receive: impl FnMut(&mut dyn Read) -> std::io::Result<()>,
    ) -> Result<(), SubmitError> {
        let send = || {
            let request = Request::builder()
                .uri(format!("{}{path}", self.url))
                .header(AUTHORIZATION, &self.authorization)
                .header(ACCEPT, accept)
                .body(())?;
            self.agent.run(request)
        };
        let answer = self.call_for(send, |mut response| {
            let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            if response.status() != 200 || !content_type.is_some_and(|it| it.starts_with(accept)) {
                return received(response);
            }
            receive(&mut response.body_mut().as_reader())?;
            Ok(Answer { status: 200, retry_after: None, body: FILE_RECEIVED.to_owned() })
        })?;
        if answer.status == 200 && answer.body != FILE_RECEIVED {
            return Err(self.unexpected(&format!("a file of the type {accept} was asked for, and this is none")));
        }
        self.read::<IgnoredAny>(&answer, 200).map(drop)
    }

    fn get(&self, path: &str) -> Result<Answer, SubmitError> {
        self.call(|| {
            let request = Request::builder()
                .uri(format!("{}{path}", self.url))
                .header(AUTHORIZATION, &self.authorization)
                .body(())?;
            self.agent.run(request)
        })
    }

    fn call(&self, send: impl Fn() -> Result<Response<Body>, ureq::Error>) -> Result<Answer, SubmitError> {
        self.call_for(send, received)
    }

    fn call_for(
        &self,
        send: impl Fn() -> Result<Response<Body>, ureq::Error>,
        mut receive: impl FnMut(Response<Body>) -> Result<Answer, ureq::Error>,
    ) -> Result<Answer, SubmitError> {
        let mut waits = RETRY_PAUSES.into_iter();
        loop {
            let result = send().and_then(&mut receive);
            if result.is_ok() {
                self.reached.set(true);
            }
            let wait = match &result {
                Ok(answer) if matches!(answer.status, 429 | 503) => {
                    waits.next().map(|wait| answer.retry_after.map_or(wait, |asked| asked.min(MAX_RETRY_PAUSE)))
                }
                Err(error) if self.is_transient(error) => waits.next(),
                _ => None,
            };
            match wait {
                Some(wait) => sleep(wait),
                None => return result.map_err(|error| self.failed(error)),
            }
        }
    }

    fn is_transient(&self, error: &ureq::Error) -> bool {
        match error {
            ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => self.reached.get(),
            // A connection that does not carry HTTP will not do so later.
            ureq::Error::Io(error) => !matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::InvalidInput),
            ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed => true,
            _ => false,
        }
    }

    fn failed(&self, error: ureq::Error) -> SubmitError {
        match error {
            ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => {
                SubmitError::NoServer(self.url.clone())
            }
            ureq::Error::HostNotFound => SubmitError::NoServer(self.url.clone()),
            source => SubmitError::Connection { url: self.url.clone(), source },
        }
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer, expected: u16) -> Result<T, SubmitError> {
        if answer.status == expected {
            return serde_json::from_str(&answer.body).map_err(|error| self.unexpected(&json_error(&error)));
        }
        if answer.status < 300 {
            return Err(self.unexpected(&format!("status {}", answer.status)));
        }
        Err(SubmitError::Refused {
            url: self.url.clone(),
            status: answer.status,
            message: refusal(&answer.body),
            advice: advice(answer.status),
        })
    }

    pub(super) fn unexpected(&self, what: &str) -> SubmitError {
        SubmitError::Answer { url: self.url.clone(), what: what.to_owned() }
    }
}

fn received(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: seconds.map(Duration::from_secs),
        body: response.body_mut().with_config().limit(MAX_ANSWER_BYTES).lossy_utf8(true).read_to_string()?,
    })
}
