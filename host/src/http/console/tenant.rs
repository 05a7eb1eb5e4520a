//! The way of a file: upload, map, check, run, result. Each step has an address of its own, so that a person can leave, come back and
//! go back.

mod check;
mod jobs;
mod map;
mod progress;
mod reasons;
mod result;
mod route;
mod steps;
mod undo;
mod upload;
mod work;

use hyper::Request;
use hyper::body::Incoming;

pub(super) use self::reasons::ReasonCache;
pub(in crate::http) use self::route::TenantRoute;
use super::page::fragment;
use super::session::Visitor;
use super::{Console, MAX_FORM_BYTES};
use crate::http::blocking::blocking_in_turn;
use crate::http::console::form::Form;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::jobs::Service;
use crate::store::Tenant;
use crate::tenants::Scope;

impl Console {
    /// Answers a request of somebody who logged in for a tenant.
    pub(super) async fn tenant_page(
        &self,
        route: TenantRoute,
        tenant: Tenant,
        scope: Scope,
        request: Request<Incoming>,
    ) -> Result<Reply, Problem> {
        if !scope.allows(route.permission()) {
            return Err(Problem::session_reads_only());
        }
        let visitor = Visitor::Tenant(Box::new(tenant.clone()), scope);
        let (head, body) = request.into_parts();
        let query = Form::read(head.uri.query().unwrap_or_default().as_bytes())?;
        match route {
            TenantRoute::Upload => upload::page(&visitor, &query, self.client.bodies().max_bytes()),
            TenantRoute::ReceiveFile => self.receive_file(&tenant, &head, body).await,
            TenantRoute::Map(id) => self.map_page(&visitor, tenant, id, query).await,
            TenantRoute::SendMapping(id) => {
                let bodies = self.client.bodies().of_tenant(tenant.id).up_to(MAX_FORM_BYTES);
                let body = self.receive(&bodies, &head, body).await?.take_bytes();
                self.send_mapping(&visitor, tenant, id, Form::read(&body)?).await
            }
            TenantRoute::Jobs => {
                let query = head.uri.query().map(str::to_owned);
                let page = self.in_turn(&tenant, move |service, tenant| jobs::page(service, tenant, query.as_deref()));
                Ok(page.await?.reply(&visitor))
            }
            TenantRoute::Work(work, page) => self.work_page(&visitor, tenant, scope, work, page, &head.headers).await,
            TenantRoute::Apply(work) => self.apply(tenant, work).await,
            TenantRoute::Cancel(work) => self.cancel(tenant, work).await,
            TenantRoute::ShowUndo(job) => self.undo_page(&visitor, tenant, scope, job).await,
            TenantRoute::Undo(job) => self.undo(tenant, job).await,
        }
    }

    /// Runs `work` in a turn of the tenant's work on the blocking pool.
    async fn in_turn<T: Send + 'static>(
        &self,
        tenant: &Tenant,
        work: impl FnOnce(&Service, &Tenant) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (service, turns) = (std::sync::Arc::clone(self.client.service()), self.client.turns(tenant.id));
        let tenant = tenant.clone();
        blocking_in_turn(&turns, move || work(&service, &tenant)).await
    }
}
