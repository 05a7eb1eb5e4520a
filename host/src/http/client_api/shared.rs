//! What the console has of the API: its limits are those of the tenant, however a request comes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ClientApi;
use crate::domain::TenantId;
use crate::http::body::Bodies;
use crate::http::content_coding::Accepted;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request_shares::RequestShare;
use crate::jobs::Service;

impl ClientApi {
    /// Returns the service.
    pub(in crate::http) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Returns the limits of bodies.
    pub(in crate::http) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// Takes a tenant's share of the requests in progress.
    ///
    /// # Errors
    /// 503 if the tenant has as many requests as it may.
    pub(in crate::http) fn request_share(&self, tenant: TenantId) -> Result<RequestShare, Problem> {
        self.request_shares.take(tenant).ok_or_else(Problem::too_many_requests)
    }

    /// Returns the turns of a tenant's work on the blocking pool.
    pub(in crate::http) fn turns(&self, tenant: TenantId) -> Arc<Semaphore> {
        self.blocking_turns.of(tenant)
    }

    /// Waits until the tenant may have one more call.
    ///
    /// # Errors
    /// 503 if the tenant has too many calls for too long.
    pub(in crate::http) async fn call_permit(&self, tenant: TenantId) -> Result<OwnedSemaphorePermit, Problem> {
        self.call_permits.of(tenant).take().await
    }

    /// Compresses an answer to a tenant, if the client takes that.
    pub(in crate::http) async fn compress(&self, reply: Reply, tenant: TenantId, accepted: Option<Accepted>) -> Reply {
        Box::pin(self.compression.encode(reply, tenant, accepted)).await
    }
}
