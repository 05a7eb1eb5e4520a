//! The API for operators, on a separate listener: the operations of the command line over HTTP.

mod audit;
mod components;
mod jobs;
mod parameters;
mod route;
mod secrets;
mod tenants;
mod tokens;
mod webhooks;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use serde::Serialize;

use self::parameters::Parameters;
pub(super) use self::route::AdminRoute;
pub use self::tokens::OperatorTokens;
pub(super) use self::tokens::{OperatorRights, TokenHashes};
use super::api_description::ADMIN_DESCRIPTION;
use super::blocking::blocking;
use super::body::{Bodies, BodySettings};
use super::coding_turns::CodingTurns;
use super::credentials::Credentials;
use super::failed_logins::FailedLogins;
use super::gauge_reader::GaugeReader;
use super::job_list;
use super::metrics_page::MetricsPage;
use super::options;
use super::problem::Problem;
use super::reply::{Reply, json};
use super::sender::Sender;
use super::single_headers::check_single_headers;
use crate::jobs::Service;
use crate::operations::{OperationError, Operations, Operator};
use crate::sandbox::Refusal;
use crate::tenants::{LimitRule, TenantLimits};

/// The API for operators.
pub(super) struct AdminApi {
    operations: Operations,
    tokens: TokenHashes,
    bodies: Bodies,
    metrics: MetricsPage,
    failed_logins: FailedLogins,
}

#[derive(Serialize)]
struct LimitListBody {
    limits: &'static [LimitRule],
}

impl AdminApi {
    /// Creates the API for operators who authenticate with `tokens`.
    pub(super) fn new(
        operations: Operations,
        tokens: &OperatorTokens,
        bodies: BodySettings,
        service: Arc<Service>,
    ) -> Self {
        Self {
            operations,
            tokens: TokenHashes::new(tokens),
            bodies: Bodies::new(bodies, Arc::new(CodingTurns::new())),
            metrics: MetricsPage::new(GaugeReader::new(service)),
            failed_logins: FailedLogins::default(),
        }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        if let Ok(AdminRoute::Description) = AdminRoute::find(request.method(), request.uri().path()) {
            return Ok(ADMIN_DESCRIPTION.answer(request.headers()));
        }
        // Whoever scrapes has no token of an operator, and nothing in the metrics is secret.
        if let Ok(AdminRoute::Metrics) = AdminRoute::find(request.method(), request.uri().path()) {
            return Ok(self.metrics.answer(request.headers()).await);
        }
        let credentials = Credentials::from_headers(request.headers())?;
        let sender = Sender::of(request.extensions())?;
        let hash = credentials.secret().hash();
        let attempt = self.failed_logins.admit(sender.client, Some(hash))?;
        let Some(rights) = self.tokens.rights(&hash) else {
            attempt.failed()?;
            return Err(credentials.refusal());
        };
        attempt.succeeded();
        if credentials.are_sent_by_browsers() {
            sender.refuse_other_origins(request.headers())?;
        }
        sender.authenticated(None)?;
        sender.is_called(rights.caller());
        check_single_headers(request.headers())?;
        let (head, body) = request.into_parts();
        let route = match AdminRoute::find(&head.method, head.uri.path()) {
            Err(refusal) if head.method == Method::OPTIONS => return options::answer(head.uri.path(), refusal),
            found => found?,
        };
        if rights == OperatorRights::Read && route.changes_something() {
            return Err(Problem::read_only_token());
        }
        let parameters = Parameters::parse(&head.uri, &route)?;
        let address = sender.client.map(|client| client.to_string());
        let operator = Operator::over_http(rights.caller(), address.as_deref(), Some(sender.request_id.as_str()));
        let operations = self.operations.by(operator);
        match route {
            AdminRoute::ListComponents => run(operations, components::list).await,
            AdminRoute::AddComponent => self.add_component(operations, &head, parameters, body).await,
            AdminRoute::ShowComponent(reference) => {
                run(operations, move |operations| components::show(operations, &reference)).await
            }
            AdminRoute::RemoveComponent(reference) => {
                run(operations, move |operations| components::remove(operations, &reference)).await
            }
            AdminRoute::ListTenants => run(operations, tenants::list).await,
            AdminRoute::AddTenant => {
                let mut body = self.bodies.receive(&head.headers, body).await?;
                run(operations, move |operations| tenants::add(operations, &body.take_operators_text()?)).await
            }
            AdminRoute::ShowTenant(name) => run(operations, move |operations| tenants::show(operations, &name)).await,
            AdminRoute::ChangeTenant(name) => {
                let dry_run = parameters.is_on("dryRun")?;
                if dry_run {
                    sender.is_only_trying();
                }
                let mut body = self.bodies.receive(&head.headers, body).await?;
                run(operations, move |operations| {
                    tenants::change(operations, &name, &body.take_operators_text()?, dry_run)
                })
                .await
            }
            AdminRoute::RemoveTenant(name) => {
                run(operations, move |operations| tenants::remove(operations, &name)).await
            }
            AdminRoute::RollBackTenant(name) => {
                run(operations, move |operations| tenants::roll_back(operations, &name)).await
            }
            AdminRoute::AddSecret(tenant) => {
                let mut body = self.bodies.receive(&head.headers, body).await?;
                run(operations, move |operations| secrets::add(operations, &tenant, &body.take_operators_text()?)).await
            }
            AdminRoute::ListSecrets(tenant) => {
                run(operations, move |operations| secrets::list(operations, &tenant)).await
            }
            AdminRoute::RevokeSecret(tenant, id) => {
                let force = parameters.is_on("force")?;
                run(operations, move |operations| secrets::revoke(operations, &tenant, &id, force)).await
            }
            AdminRoute::RevokeTokens(tenant) => {
                run(operations, move |operations| secrets::revoke_tokens(operations, &tenant)).await
            }
            AdminRoute::RevokeToken => {
                let mut body = self.bodies.receive(&head.headers, body).await?;
                run(operations, move |operations| secrets::revoke_token(operations, &body.take_operators_text()?)).await
            }
            AdminRoute::ListJobs(tenant) => {
                let (unfinished, limit) = (parameters.is_on("unfinished")?, parameters.number("limit")?);
                run(operations, move |operations| jobs::list(operations, &tenant, unfinished, limit)).await
            }
            AdminRoute::ListAllJobs => {
                let request = job_list::parse(None, head.uri.query())?;
                run(operations, move |operations| jobs::list_all(operations, &request)).await
            }
            AdminRoute::CancelJob(id) => run(operations, move |operations| jobs::cancel(operations, id)).await,
            AdminRoute::ShowJob(id) => run(operations, move |operations| jobs::show(operations, id)).await,
            AdminRoute::DeleteJob(id) => run(operations, move |operations| jobs::delete(operations, id)).await,
            AdminRoute::ReadJobLog(id) => run(operations, move |operations| jobs::log(operations, id)).await,
            AdminRoute::Webhook(call) => {
                let body = if call.has_body() { Some(self.bodies.receive(&head.headers, body).await?) } else { None };
                run(operations, move |operations| webhooks::answer(operations, call, body)).await
            }
            AdminRoute::ListTenantWebhooks(tenant) => {
                run(operations, move |operations| webhooks::list(operations, &tenant)).await
            }
            AdminRoute::SwitchTenantWebhook(tenant, id) => {
                let body = self.bodies.receive(&head.headers, body).await?;
                run(operations, move |operations| webhooks::switch(operations, &tenant, id, body)).await
            }
            AdminRoute::ListAudit => run(operations, move |operations| audit::list(operations, &parameters)).await,
            AdminRoute::Description => Ok(ADMIN_DESCRIPTION.answer(&head.headers)),
            AdminRoute::Metrics => Ok(self.metrics.answer(&head.headers).await),
            AdminRoute::ListLimits => Ok(json(StatusCode::OK, &LimitListBody { limits: TenantLimits::RULES })),
        }
    }

    async fn add_component(
        &self,
        operations: Operations,
        head: &Parts,
        parameters: Parameters,
        body: Incoming,
    ) -> Result<Reply, Problem> {
        let move_name = parameters.is_on("moveName")?;
        let body = self.bodies.receive_bytes(&head.headers, body).await;
        let mut body = body.map_err(|problem| self.refuse_size(problem))?;
        let added = run(operations, move |operations| {
            components::add(operations, &body.take_bytes(), parameters.text("name"), move_name)
        });
        added.await.map_err(|problem| self.refuse_size(problem))
    }

    /// Replaces the refusal of a too large body, which advises to send several: a component cannot be sent in parts.
    fn refuse_size(&self, problem: Problem) -> Problem {
        if problem.is_too_large() {
            OperationError::from(Refusal::too_large(self.bodies.max_bytes())).into()
        } else {
            problem
        }
    }
}

/// Runs `work` on the blocking pool.
async fn run(
    operations: Operations,
    work: impl FnOnce(&Operations) -> Result<Reply, Problem> + Send + 'static,
) -> Result<Reply, Problem> {
    blocking(move || work(&operations)).await
}
