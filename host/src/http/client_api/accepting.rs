//! Requests that make jobs: what they send is received, and accepted as a job, whose id answers them.

use std::sync::Arc;

use hyper::http::request::Parts;
use tokio::sync::Semaphore;

use super::ClientApi;
use crate::http::blocking::blocking_in_turn;
use crate::http::body::ItemBody;
use crate::http::bulk::{self, BulkEndpoint, BulkRequest};
use crate::http::import_settings::ImportSettings;
use crate::http::job_wait::{SubmissionWait, Worked};
use crate::http::problem::Problem;
use crate::http::quota;
use crate::http::sender::Sender;
use crate::http::wait::Wait;
use crate::jobs::{Accepted, Call, Service};
use crate::store::Tenant;
use crate::tenants::Scope;

impl ClientApi {
    /// Receives a bulk request, whose settings are checked before its body is awaited.
    pub(super) async fn receive_bulk(
        &self,
        endpoint: BulkEndpoint,
        scope: Scope,
        head: &Parts,
        body: impl Future<Output = Result<ItemBody, Problem>>,
    ) -> Result<BulkRequest, Problem> {
        let idempotency_key = bulk::idempotency_key(&head.headers)?;
        let settings = ImportSettings::of_query(head.uri.query())?;
        let (body, max_bytes) = (body.await?, self.bodies.max_bytes());
        let trace = head.extensions.get::<Sender>().and_then(|sender| sender.trace);
        Ok(BulkRequest { endpoint, settings, idempotency_key, body, scope, max_bytes, trace })
    }

    /// Accepts what a bulk request brought. If that may be a table, the tenant's processor is asked for the fields that columns
    /// can become. With a `wait`, the answer comes when the jobs are completed.
    pub(super) async fn submit(
        &self,
        tenant: Tenant,
        turns: Arc<Semaphore>,
        request: BulkRequest,
        wait: Option<Wait>,
    ) -> Result<Worked, Problem> {
        let fields = if request.may_be_table() {
            let permit = self.call_permits.of(tenant.id).take().await?;
            let read = move |call: &Call<'_>| {
                let _permit = permit;
                call.fields()
            };
            Some(self.service.run_call(tenant.clone(), read).await??)
        } else {
            None
        };
        let scope = request.scope;
        let accept = move |service: &Service, tenant: &Tenant| request.submit(service, tenant, fields.as_ref());
        self.accept(turns, tenant, scope, wait, accept).await
    }

    /// Runs what accepts a job, and says in the answer what the tenant may send. With a `wait`, the answer comes when the job is
    /// completed.
    pub(super) async fn accept(
        &self,
        turns: Arc<Semaphore>,
        tenant: Tenant,
        scope: Scope,
        wait: Option<Wait>,
        accept: impl FnOnce(&Service, &Tenant) -> Result<Accepted, Problem> + Send + 'static,
    ) -> Result<Worked, Problem> {
        let id = tenant.id;
        let service = Arc::clone(&self.service);
        let submit = move || {
            let submitted = accept(&service, &tenant);
            // Also where the request is refused: a client learns what it may send.
            let quota = quota::headers(&service, &tenant);
            match submitted {
                Ok(accepted) => Ok((accepted, quota)),
                Err(problem) => {
                    Err(quota.into_iter().fold(problem, |problem, (name, value)| problem.with(name, value)))
                }
            }
        };
        let (accepted, headers) = blocking_in_turn(&turns, submit).await?;
        if let Some(wait) = wait
            && let Some(place) = self.job_waits.take(id)
        {
            let reader = self.job_reader(id, scope, turns);
            return Ok(Worked::OnceCompleted(Box::new(SubmissionWait { reader, accepted, headers, wait, place })));
        }
        let mut reply = bulk::reply(&accepted, None);
        reply.headers_mut().extend(headers);
        Ok(Worked::Now(reply))
    }
}
