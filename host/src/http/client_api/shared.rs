//! What the console has of the API: its limits are those of the tenant, however a request comes.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ClientApi;
use crate::domain::TenantId;
use crate::http::body::Bodies;
use crate::http::content_coding::Accepted;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::jobs::Service;

/// Bytes of an answer that are not counted: those of small answers.
const UNCOUNTED_BYTES: usize = 64 << 10;

impl ClientApi {
    /// Returns the service.
    pub(in crate::http) fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// Returns the limits of bodies.
    pub(in crate::http) fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// Counts a large answer to a tenant in the memory of answers, until it was sent.
    ///
    /// # Errors
    /// 503 if there is no room for it.
    pub(in crate::http) fn hold(&self, tenant: TenantId, bytes: Bytes) -> Result<Bytes, Problem> {
        self.answers.hold_piece(tenant, bytes, UNCOUNTED_BYTES)
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
