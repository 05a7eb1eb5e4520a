//! The API for tenants' clients: credentials first, then the route, then the body.

mod accepting;
mod public;
mod shared;

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Uri};

use tokio::sync::Semaphore;

use self::public::{names_token, public_text, without_credentials};
use super::answer_memory::{AnswerMemory, WithoutRoom};
use super::blocking::{blocking, blocking_in_turn};
use super::body::{Bodies, BodySettings, ItemBody};
use super::body_memory::Owner;
use super::bulk::BulkEndpoint;
use super::call_permits::CallPermits;
use super::coding_turns::CodingTurns;
use super::compression::Compression;
use super::contact_file::ContactFile;
use super::content_coding::Accepted;
use super::credentials::Credentials;
use super::dry_run::DryRunSettings;
use super::entity_list::EntityQuery;
use super::failed_logins::FailedLogins;
use super::job::{JobReader, JobRequest};
use super::job_wait::{JobWait, JobWaits, Worked};
use super::problem::Problem;
use super::query::refuse_parameters;
use super::reply::{Reply, vary};
use super::request_shares::RequestShares;
use super::route::Route;
use super::sender::Sender;
use super::single_headers::check_single_headers;
use super::tenant_semaphores::TenantSemaphores;
use super::wait::Wait;
use super::{
    batch, batch_delete, bulk, contact_fields, contacts, do_not_contact, dry_run, group, job, job_events, job_list,
    list_query, profile_lists, quota, single, token, undo, webhooks,
};
use crate::domain::TenantId;
use crate::export::FileType;
use crate::jobs::{Application, Call, MAX_CALL_ITEMS, Service};
use crate::store::{Authentication, Tenant};
use crate::tenants::Scope;

/// The path at which clients get tokens.
pub(super) const TOKEN_PATH: &str = "/oauth/v2/token";
const TOKEN_METHOD: &str = "POST";
/// Bytes of the body of a request for a token.
const MAX_TOKEN_BODY_BYTES: usize = 16 << 10;
/// Requests of one tenant, other than calls, whose work runs on the blocking pool at a time; further ones wait.
const MAX_BLOCKING_PER_TENANT: usize = 4;

/// How long credentials count for a request without being checked again when its body is there.
pub(super) const CHECKED_FOR: Duration = Duration::from_secs(1);

/// What a call's answer may show, and whether it can be refused.
#[derive(Debug, Clone, Copy)]
struct ExpectedAnswer {
    contacts: usize,
    without_room: WithoutRoom,
}

const READS_ONE: ExpectedAnswer = ExpectedAnswer { contacts: 1, without_room: WithoutRoom::Refuse };
/// A list of what a profile or a catalogue has is about as large as some contacts.
const READS_LIST: ExpectedAnswer = ExpectedAnswer { contacts: 30, ..READS_ONE };
const CHANGES_ONE: ExpectedAnswer = ExpectedAnswer { contacts: 1, without_room: WithoutRoom::Send };
const CHANGES_BATCH: ExpectedAnswer = ExpectedAnswer { contacts: MAX_CALL_ITEMS, without_room: WithoutRoom::Send };

/// The version of Mautic's API that this API follows. Mautic's clients read this header.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("mautic-version"), HeaderValue::from_static("5.1.0"));

/// A request whose work is done, up to a wait for a job.
pub(super) struct BegunRequest {
    worked: Result<Worked, Problem>,
    /// The tenant whose answer may be compressed, and how.
    encoding: Option<(TenantId, Option<Accepted>)>,
}

/// The API for tenants' clients.
pub(super) struct ClientApi {
    service: Arc<Service>,
    bodies: Bodies,
    answers: Arc<AnswerMemory>,
    compression: Compression,
    /// Bounds the connections that one tenant's requests take.
    request_shares: Arc<RequestShares>,
    /// Bounds the requests that wait for jobs.
    job_waits: JobWaits,
    /// Bounds the threads of the blocking pool that work for one tenant.
    blocking_turns: TenantSemaphores,
    /// Bounds the calls of one tenant that run or wait for a permit.
    call_permits: CallPermits,
    failed_logins: FailedLogins,
}

impl ClientApi {
    /// Creates the API. All tenants can have `max_requests` requests in progress; `answer_memory_bytes` are for the large answers
    /// that wait until clients take them.
    pub(super) fn new(
        service: Arc<Service>,
        bodies: BodySettings,
        answer_memory_bytes: usize,
        max_requests: usize,
    ) -> Self {
        let turns = Arc::new(CodingTurns::new());
        Self {
            service,
            request_shares: Arc::new(RequestShares::new(max_requests)),
            job_waits: JobWaits::new(max_requests),
            bodies: Bodies::new(bodies, Arc::clone(&turns)),
            compression: Compression::new(turns),
            answers: Arc::new(AnswerMemory::new(answer_memory_bytes)),
            blocking_turns: TenantSemaphores::new(MAX_BLOCKING_PER_TENANT),
            call_permits: CallPermits::new(),
            failed_logins: FailedLogins::default(),
        }
    }

    /// Does a request's work, up to a wait for a job.
    pub(super) async fn begin(&self, request: Request<Incoming>) -> BegunRequest {
        let mut encoding = None;
        let worked = self.route(request, &mut encoding).await;
        BegunRequest { worked, encoding }
    }

    /// Waits for the answer to a request, and completes it. While it waits, this takes little memory.
    pub(super) async fn finish(&self, begun: BegunRequest) -> Reply {
        let BegunRequest { worked, encoding } = begun;
        let answer = match worked {
            Ok(worked) => worked.reply().await,
            Err(problem) => Err(problem),
        };
        // Only what a tenant may read is compressed: no token, and no refusal.
        let mut reply = match (answer, encoding) {
            (Ok(reply), Some((tenant, accepted))) => {
                Box::pin(self.compression.encode(reply, Owner::Tenant(tenant), accepted)).await
            }
            (Ok(reply), None) => reply,
            (Err(problem), _) => problem.into_reply(),
        };
        let (name, value) = API_VERSION;
        reply.headers_mut().insert(name, value);
        reply
    }

    /// Checks the credentials of a request, and does its work. Says in `encoding` how the answer may be compressed.
    async fn route(
        &self,
        request: Request<Incoming>,
        encoding: &mut Option<(TenantId, Option<Accepted>)>,
    ) -> Result<Worked, Problem> {
        if let Some(reply) = without_credentials(&request) {
            return reply.map(Worked::Now);
        }
        if request.uri().path() == TOKEN_PATH {
            return self.issue_token(request).await.map(Worked::Now);
        }
        if names_token(request.uri().query()) {
            return Err(Problem::token_in_query());
        }
        // A client without credentials learns nothing, not even which paths exist.
        let (tenant, scope) = self.authenticate(&request).await?;
        check_single_headers(request.headers())?;
        *encoding = Some((tenant.id, Accepted::of(request.headers())));
        self.work(tenant, scope, request).await
    }

    /// Does what a tenant's request asks for, up to the wait for a job.
    async fn work(&self, tenant: Tenant, scope: Scope, request: Request<Incoming>) -> Result<Worked, Problem> {
        let begun = Instant::now();
        let (head, body) = request.into_parts();
        let query = head.uri.query().map(str::to_owned);
        let trace = head.extensions.get::<Sender>().and_then(|sender| sender.trace);
        let has_body = !body.is_end_stream();
        let id = tenant.id;
        let receive = || self.receive(begun, id, &head.headers, body);
        let turns = self.blocking_turns.of(tenant.id);
        let service = Arc::clone(&self.service);
        let method = intended_method(&head.method, &head.headers)?;
        let route =
            Route::find(&method, head.uri.path()).map_err(|problem| moved(&method, &head.uri).unwrap_or(problem))?;
        route.check_scope(scope)?;
        if let Some(members) = route.members_without_query() {
            refuse_parameters(query.as_deref(), members)?;
        }
        if route.cannot_be_dry_run() {
            dry_run::refuse(query.as_deref())?;
        }
        let reply = match route {
            Route::Bulk(operation) => {
                let request = self.receive_bulk(BulkEndpoint::Items(operation), scope, &head, receive()).await?;
                return self.submit(tenant, turns, request, Wait::of(&head.headers)).await;
            }
            Route::ImportCsv => {
                let request = self.receive_bulk(BulkEndpoint::File, scope, &head, receive()).await?;
                return self.submit(tenant, turns, request, Wait::of(&head.headers)).await;
            }
            Route::Limits => blocking_in_turn(&turns, move || quota::read(&service, &tenant)).await,
            Route::ReadGroup(id) => {
                group::refuse_parameters(query.as_deref())?;
                blocking_in_turn(&turns, move || group::read(&service, &tenant, id)).await
            }
            Route::ReadJob(id) => {
                let request = JobRequest::parse(query.as_deref(), &head.headers)?;
                let reader = self.job_reader(tenant.id, scope, turns);
                if let Some(wait) = Wait::of(&head.headers)
                    && let Some(place) = self.job_waits.take(tenant.id)
                    && let Some(watch) = service.watch_job(tenant.id, id)
                {
                    return Ok(Worked::OnceChanged(Box::new(JobWait { reader, id, request, wait, watch, place })));
                }
                let turns = Arc::clone(&reader.turns);
                blocking_in_turn(&turns, move || reader.read(id, &request)).await
            }
            Route::JobEvents(id) => {
                let place = self.job_waits.take(tenant.id).ok_or_else(Problem::too_many_waits)?;
                let watch = service.watch_job(tenant.id, id).ok_or_else(Problem::shutting_down)?;
                job_events::stream(self.job_reader(tenant.id, scope, turns), id, &head.headers, watch, place).await
            }
            Route::DeleteJob(id) => blocking_in_turn(&turns, move || job::delete(&service, &tenant, id)).await,
            Route::CancelJob(id) => blocking_in_turn(&turns, move || job::cancel(&service, &tenant, id)).await,
            Route::ApplyJob(id) => {
                let application = Application::new(id, bulk::idempotency_key(&head.headers)?)?.of_trace(trace);
                let apply = move |service: &Service, tenant: &Tenant| job::apply(service, tenant, &application);
                return self.accept(turns, tenant, scope, Wait::of(&head.headers), apply).await;
            }
            Route::UndoJob(id) => {
                undo::refuse_body(has_body)?;
                let undoing = undo::parse(id, query.as_deref(), bulk::idempotency_key(&head.headers)?)?.of_trace(trace);
                let accept = move |service: &Service, tenant: &Tenant| undo::accept(service, tenant, &undoing);
                return self.accept(turns, tenant, scope, Wait::of(&head.headers), accept).await;
            }
            Route::CheckUndo(id) => {
                let undoing = undo::parse(id, query.as_deref(), None)?;
                blocking_in_turn(&turns, move || undo::preview(&service, &tenant, &undoing)).await
            }
            Route::ListJobs => {
                let query = job_list::parse(Some(tenant.id), query.as_deref())?;
                blocking_in_turn(&turns, move || job_list::list(&service, &query)).await
            }
            Route::Batch(operation) => {
                bulk::refuse_idempotency_key(&head.headers)?;
                let dry_run = DryRunSettings::of_query(query.as_deref())?;
                self.call_with_body(tenant, CHANGES_BATCH, receive(), move |call, body| {
                    batch::apply(call, operation, body, dry_run)
                })
                .await
            }
            Route::Single(operation, id) => {
                bulk::refuse_idempotency_key(&head.headers)?;
                let dry_run = DryRunSettings::of_query(query.as_deref())?;
                self.call_with_body(tenant, CHANGES_ONE, receive(), move |call, body| {
                    single::apply(call, operation, id, body, dry_run)
                })
                .await
            }
            Route::ListContacts => {
                if let Some(file_type) = FileType::accepted(&head.headers) {
                    let (conditions, style) = list_query::parse_file(query.as_deref())?;
                    let file = ContactFile {
                        service,
                        answers: Arc::clone(&self.answers),
                        call_permits: self.call_permits.of(tenant.id),
                        tenant,
                        conditions: Arc::new(conditions),
                        file_type,
                        style,
                    };
                    let mut reply = file.into_reply().await?;
                    vary(&mut reply, ACCEPT);
                    return Ok(Worked::Now(reply));
                }
                let request = list_query::parse(query.as_deref())?;
                let answer = ExpectedAnswer { contacts: request.limit as usize, ..READS_ONE };
                let mut reply = self.call(tenant, answer, move |call| contacts::list(call, &request)).await?;
                vary(&mut reply, ACCEPT);
                Ok(reply)
            }
            Route::ReadContact(id) => self.call(tenant, READS_ONE, move |call| contacts::read(call, id)).await,
            Route::DeleteContact(id) => {
                bulk::refuse_idempotency_key(&head.headers)?;
                self.call(tenant, CHANGES_ONE, move |call| contacts::delete(call, id)).await
            }
            Route::DeleteBatch => {
                bulk::refuse_idempotency_key(&head.headers)?;
                let ids = batch_delete::ids(query.as_deref())?;
                let answer = ExpectedAnswer { contacts: ids.len(), ..CHANGES_BATCH };
                self.call(tenant, answer, move |call| batch_delete::apply(call, ids)).await
            }
            Route::DoNotContact(id, channel, change) => {
                bulk::refuse_idempotency_key(&head.headers)?;
                self.call_with_body(tenant, CHANGES_ONE, receive(), move |call, body| {
                    do_not_contact::apply(call, id, &channel, change, body)
                })
                .await
            }
            Route::Fields(form) => {
                let query = EntityQuery::parse(query.as_deref())?;
                self.call(tenant, READS_LIST, move |call| contact_fields::list(call, form, &query)).await
            }
            Route::Webhook(call) => {
                bulk::refuse_idempotency_key(&head.headers)?;
                let body = if call.has_body() { Some(receive().await?) } else { None };
                blocking_in_turn(&turns, move || webhooks::answer(&service.webhooks(tenant.id), call, body)).await
            }
            Route::Public(text) => Ok(public_text(text, &head.headers)),
            Route::Profile(list) => {
                let query = EntityQuery::parse(query.as_deref())?;
                let answer_memory = self.answers.admit(tenant.id, READS_LIST.contacts).await?;
                let reply = blocking_in_turn(&turns, move || profile_lists::answer(&tenant, list, &query)).await?;
                answer_memory.hold(reply, READS_LIST.without_room)
            }
        };
        reply.map(Worked::Now)
    }

    /// Receives the body of a tenant's request, and checks then that its credentials are still valid.
    async fn receive(
        &self,
        begun: Instant,
        tenant: TenantId,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<ItemBody, Problem> {
        let received = self.bodies.of_tenant(tenant).receive(headers, body).await?;
        self.check_again(begun, headers).await?;
        Ok(received)
    }

    pub(super) fn job_reader(&self, tenant: TenantId, scope: Scope, turns: Arc<Semaphore>) -> JobReader {
        JobReader { service: Arc::clone(&self.service), answers: Arc::clone(&self.answers), turns, tenant, scope }
    }

    /// Answers a request for a token. Its credentials may be in the body, so the body is read before they are checked, and
    /// must be small.
    async fn issue_token(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        if request.method() != Method::POST {
            return Err(Problem::wrong_method(request.method().as_str(), TOKEN_METHOD));
        }
        check_single_headers(request.headers())?;
        let (head, body) = request.into_parts();
        if Credentials::from_headers(&head.headers).is_ok_and(|credentials| credentials.are_sent_by_browsers()) {
            Sender::of(&head.extensions)?.refuse_other_origins(&head.headers)?;
        }
        let body = self.bodies.of_strangers(MAX_TOKEN_BODY_BYTES).receive(&head.headers, body).await?;
        let client = Sender::of(&head.extensions)?.client;
        // Whoever asks for a token is a new client, so no earlier one speaks for it.
        let attempt = self.failed_logins.admit(client, None)?;
        let issued = self.blocking(move |service| token::issue(service, &head.headers, body)).await;
        if issued.as_ref().is_err_and(Problem::is_invalid_client) {
            attempt.failed()?;
        }
        issued
    }

    async fn authenticate(&self, request: &Request<Incoming>) -> Result<(Tenant, Scope), Problem> {
        let credentials = Credentials::from_headers(request.headers())?;
        let sender = Sender::of(request.extensions())?;
        if credentials.are_sent_by_browsers() {
            sender.refuse_other_origins(request.headers())?;
        }
        let hash = credentials.secret().hash();
        let attempt = self.failed_logins.admit(sender.client, Some(hash))?;
        let (tenant, scope) = match self.look_up(credentials).await? {
            (Authentication::Tenant(tenant, scope), _) => (*tenant, scope),
            (Authentication::ExpiredToken, _) => return Err(Problem::expired_token()),
            (Authentication::Unknown, refusal) => {
                attempt.failed()?;
                return Err(refusal);
            }
        };
        attempt.succeeded();
        sender.is_called(&tenant.name);
        let share = self.request_shares.take(tenant.id).ok_or_else(Problem::too_many_requests)?;
        sender.authenticated(Some(share))?;
        Ok((tenant, scope))
    }

    /// Checks the credentials of a request once more if it began long ago: they may have been revoked while its body arrived.
    ///
    /// # Errors
    /// 401 if they are not valid any more.
    async fn check_again(&self, begun: Instant, headers: &HeaderMap) -> Result<(), Problem> {
        if begun.elapsed() < CHECKED_FOR {
            return Ok(());
        }
        match self.look_up(Credentials::from_headers(headers)?).await? {
            (Authentication::Tenant(..), _) => Ok(()),
            (Authentication::ExpiredToken, _) => Err(Problem::expired_token()),
            (Authentication::Unknown, refusal) => Err(refusal),
        }
    }

    /// Looks credentials up. Returns also how they are refused if nobody has them.
    async fn look_up(&self, credentials: Credentials) -> Result<(Authentication, Problem), Problem> {
        self.blocking(move |service| {
            let found = service.authenticate(credentials.client_id(), credentials.secret())?;
            Ok((found, credentials.refusal()))
        })
        .await
    }

    /// Runs `work` as one of the tenant's calls.
    ///
    /// # Errors
    /// 503 if the tenant has too many calls for too long.
    async fn call(
        &self,
        tenant: Tenant,
        answer: ExpectedAnswer,
        work: impl FnOnce(&Call<'_>) -> Result<Reply, Problem> + Send + 'static,
    ) -> Result<Reply, Problem> {
        self.call_with_body(tenant, answer, std::future::ready(Ok(())), |call, ()| work(call)).await
    }

    /// Runs `work` as one of the tenant's calls, with a body that is received only once the call may run: a waiting call
    /// takes no memory for a body.
    ///
    /// # Errors
    /// 503 if the tenant has too many calls for too long.
    async fn call_with_body<B: Send + 'static>(
        &self,
        tenant: Tenant,
        answer: ExpectedAnswer,
        body: impl Future<Output = Result<B, Problem>>,
        work: impl FnOnce(&Call<'_>, B) -> Result<Reply, Problem> + Send + 'static,
    ) -> Result<Reply, Problem> {
        // Before the call may run: a call that waits until earlier answers have been taken keeps no other call from running.
        let answer_memory = self.answers.admit(tenant.id, answer.contacts).await?;
        let permit = self.call_permits.of(tenant.id).take().await?;
        let body = body.await?;
        let work = move |call: &Call<'_>| {
            // The work may outlive the request, so the work holds the permit.
            let _permit = permit;
            work(call, body)
        };
        let reply = self.service.run_call(tenant, work).await??;
        answer_memory.hold(reply, answer.without_room)
    }

    /// Runs `work` on the blocking pool.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Service) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let service = Arc::clone(&self.service);
        blocking(move || work(&service)).await
    }
}

/// Returns where to find what a `GET` asks for with a slash too many at the end.
fn moved(method: &Method, uri: &Uri) -> Option<Problem> {
    let path = uri.path().strip_suffix('/')?;
    Route::find(method, path).ok().filter(|_| method == Method::GET)?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(Problem::moved(&format!("{path}{query}")))
}

/// Returns the method in the `X-HTTP-Method-Override` of a POST, or else the request's own method. As in Mautic, this is for
/// clients behind proxies that let only GET and POST through, and its case does not matter. One without a value is none.
///
/// # Errors
/// 400 if a POST is to be anything but PUT, PATCH or DELETE.
fn intended_method(method: &Method, headers: &HeaderMap) -> Result<Method, Problem> {
    let meant = headers.get("x-http-method-override").map(|value| value.as_bytes().trim_ascii());
    let Some(meant) = meant.filter(|meant| !meant.is_empty() && method == Method::POST) else {
        return Ok(method.clone());
    };
    let known = [Method::PUT, Method::PATCH, Method::DELETE];
    let found = known.into_iter().find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(meant));
    found.ok_or_else(|| {
        Problem::bad_request(
            "X-HTTP-Method-Override can only be PUT, PATCH or DELETE. Nothing was changed. Send any other method as it is.",
        )
    })
}
