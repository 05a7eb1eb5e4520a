//! Calls the server, and repeats calls that fail for a while.

use std::cell::Cell;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bulkhead::plain_words::json_error;
use serde::de::{DeserializeOwned, IgnoredAny};
use ureq::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, LOCATION, RETRY_AFTER};
use ureq::http::{Method, Request, Response};
use ureq::{Agent, Body};
use uuid::Uuid;

use super::Operation;
use super::answer::{Accepted, Job, refusal};
use super::connection::{agent, asks_for_tls, failed, is_perhaps_sent, is_transient};
use super::error::{SubmitError, advice};
use super::option_words::with_options;
use super::server_url::ServerUrl;

/// The pauses before a call is repeated, which together are long enough for a restart of the server.
const RETRY_PAUSES: [Duration; 3] = [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(4)];
/// The longest pause that a server's `Retry-After` can cause.
pub(super) const MAX_RETRY_PAUSE: Duration = Duration::from_secs(60);
/// Rows per page of results: the most that a server returns.
const PAGE_ROWS: usize = 1_000;
/// Bytes of an answer's body.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Where a server describes its API, and what the description has if the server knows dry runs.
const DESCRIPTION_PATH: &str = "/openapi.json";
const DRY_RUN_PATH: &str = "/api/contacts/job/{id}/apply";
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Seconds that the server is asked to wait for a change of a job. Longer waits would let the shown time stand still.
const WAIT_SECONDS: u32 = 5;

/// Stands for the body of an answer that was received as a file: JSON.
const FILE_RECEIVED: &str = "null";

/// One tenant's access to one server.
pub(super) struct Client {
    agent: Agent,
    url: ServerUrl,
    authorization: String,
    /// Whether the server has answered before. A call is not repeated if no server has ever answered.
    reached: Cell<bool>,
    /// Whether the server may have got a call of which no answer says that nothing came of it.
    unsure: Arc<AtomicBool>,
    /// Says that a call waits.
    say: Box<dyn Fn(&str) + Send>,
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

/// What the server says of a job.
pub(super) struct PolledJob {
    /// The job; `None` if it is as it was at the last poll.
    pub(super) job: Option<Job>,
    /// The tag of the answer, by which the next poll can wait for another.
    pub(super) tag: Option<String>,
    /// Whether the server waited for a change before it answered.
    pub(super) has_waited: bool,
    /// The pause that the server asks for.
    pub(super) retry_after: Option<Duration>,
}

#[derive(Default)]
struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    tag: Option<String>,
    /// Whether the server did as it was asked by `Prefer`.
    is_preference_applied: bool,
    /// Where the server says that the call must go instead.
    location: Option<String>,
    body: String,
}

impl Client {
    /// Prepares to call a server. `say` is called with what people should know while a call waits.
    pub(super) fn new(url: &str, user: &str, say: impl Fn(&str) + Send + 'static) -> Result<Self, SubmitError> {
        let url = ServerUrl::parse(url)?;
        let parts = user.split_once(':').filter(|(id, secret)| !id.is_empty() && !secret.is_empty());
        parts.ok_or(SubmitError::User)?;
        Ok(Self {
            agent: agent(&url),
            authorization: format!("Basic {}", BASE64_STANDARD.encode(user)),
            url,
            reached: Cell::new(false),
            unsure: Arc::default(),
            say: Box::new(say),
        })
    }

    /// Returns what tells, also later, whether the server may have got a call of which no answer says that nothing came of it.
    pub(super) fn unsure(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.unsure)
    }

    /// Changes what is called while a call waits.
    pub(super) fn saying(self, say: impl Fn(&str) + Send + 'static) -> Self {
        Self { say: Box::new(say), ..self }
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

    /// Checks that the server knows dry runs: an earlier version would store the contacts.
    ///
    /// # Errors
    /// If it does not say so in the description of its API.
    pub(super) fn check_dry_runs(&self) -> Result<(), SubmitError> {
        let answer = self.get(DESCRIPTION_PATH)?;
        if answer.status == 200 && answer.body.contains(DRY_RUN_PATH) {
            Ok(())
        } else {
            Err(SubmitError::NoDryRuns { url: self.url.to_string() })
        }
    }

    /// Reads how far a job of so many contacts is. With the tag of an earlier answer, asks the server to wait some seconds for
    /// another answer.
    pub(super) fn poll(&self, id: &str, contacts: usize, tag: Option<&str>) -> Result<PolledJob, SubmitError> {
        let path = format!("/api/contacts/job/{id}?details=full&limit=1");
        let wait = format!("wait={WAIT_SECONDS}");
        let answer = match tag {
            Some(tag) => self.get_with(&path, &[(IF_NONE_MATCH, tag), (PREFER, &wait)])?,
            None => self.get(&path)?,
        };
        let is_same = tag.is_some() && answer.status == 304;
        let job = if is_same { None } else { Some(self.read_job(&answer, contacts)?) };
        let Answer { tag, is_preference_applied: has_waited, retry_after, .. } = answer;
        Ok(PolledJob { job, tag, has_waited, retry_after })
    }

    /// Reads a job of so many contacts, with the first page of its results.
    pub(super) fn job(&self, id: &str, contacts: usize) -> Result<Job, SubmitError> {
        let answer = self.get(&format!("/api/contacts/job/{id}?details=full&limit={PAGE_ROWS}"))?;
        self.read_job(&answer, contacts)
    }

    fn read_job(&self, answer: &Answer, contacts: usize) -> Result<Job, SubmitError> {
        let job: Job = self.read(answer, 200)?;
        if !job.fits(contacts) {
            return Err(self.unexpected("the job counts more contacts than were sent"));
        }
        Ok(job)
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
            Ok(Answer { status: 200, body: FILE_RECEIVED.to_owned(), ..Answer::default() })
        })?;
        if answer.status == 200 && answer.body != FILE_RECEIVED {
            return Err(self.unexpected(&format!("a file of the type {accept} was asked for, and this is none")));
        }
        self.read::<IgnoredAny>(&answer, 200).map(drop)
    }

    fn get(&self, path: &str) -> Result<Answer, SubmitError> {
        self.get_with(path, &[])
    }

    fn get_with(&self, path: &str, headers: &[(HeaderName, &str)]) -> Result<Answer, SubmitError> {
        self.call(|| {
            let request =
                Request::builder().uri(format!("{}{path}", self.url)).header(AUTHORIZATION, &self.authorization);
            let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
            self.agent.run(request.body(())?)
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
            if is_unsure(&result) {
                self.unsure.store(true, Ordering::Relaxed);
            }
            let wait = match &result {
                Ok(answer) if matches!(answer.status, 429 | 503) => {
                    let wait = waits.next();
                    let asked = answer.retry_after.map(|asked| asked.min(MAX_RETRY_PAUSE));
                    if let Some(asked) = asked.filter(|_| wait.is_some()) {
                        (self.say)(&format!("waiting {} s: {}", asked.as_secs(), refusal(&answer.body)));
                    }
                    wait.map(|wait| asked.unwrap_or(wait))
                }
                Err(error) if is_transient(error, self.reached.get()) => waits.next(),
                _ => None,
            };
            match wait {
                Some(wait) => sleep(wait),
                None => return result.map_err(|error| failed(&self.url, &error, self.reached.get())),
            }
        }
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer, expected: u16) -> Result<T, SubmitError> {
        if answer.status == expected {
            return serde_json::from_str(&answer.body).map_err(|error| {
                self.unsure.store(true, Ordering::Relaxed);
                self.unexpected(&json_error(&error))
            });
        }
        if answer.status < 300 {
            self.unsure.store(true, Ordering::Relaxed);
            return Err(self.unexpected(&format!("status {}", answer.status)));
        }
        Err(SubmitError::Refused {
            url: self.url.to_string(),
            status: answer.status,
            message: with_options(&refusal(&answer.body)),
            advice: self.advice(answer),
        })
    }

    /// Returns what to do after a refusal.
    fn advice(&self, answer: &Answer) -> String {
        let redirected = answer.location.as_deref().and_then(|location| self.url.same_host_with_tls(location));
        let with_tls = redirected
            .or_else(|| asks_for_tls(answer.status, &answer.body).then(|| self.url.with_other_scheme()))
            .filter(|_| !self.url.is_tls);
        with_tls
            .map_or_else(|| advice(answer.status).to_owned(), |url| format!("TLS is spoken there: give --url {url}."))
    }

    pub(super) fn unexpected(&self, what: &str) -> SubmitError {
        SubmitError::Answer { url: self.url.to_string(), what: what.to_owned() }
    }
}

/// Returns whether an attempt may have had an effect of which its answer does not tell.
fn is_unsure(result: &Result<Answer, ureq::Error>) -> bool {
    match result {
        Ok(answer) => answer.status >= 500 && !answer.body.contains("Nothing was stored"),
        Err(error) => is_perhaps_sent(error),
    }
}

fn received(mut response: Response<Body>) -> Result<Answer, ureq::Error> {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let seconds = text(RETRY_AFTER).and_then(|value| value.parse().ok());
    let location = text(LOCATION).map(str::to_owned);
    let tag = text(ETAG).map(str::to_owned);
    let is_preference_applied = response.headers().contains_key(PREFERENCE_APPLIED);
    Ok(Answer {
        status: response.status().as_u16(),
        retry_after: seconds.map(Duration::from_secs),
        tag,
        is_preference_applied,
        location,
        body: response.body_mut().with_config().limit(MAX_ANSWER_BYTES).lossy_utf8(true).read_to_string()?,
    })
}
