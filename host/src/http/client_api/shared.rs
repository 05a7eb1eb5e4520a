//! What the console has of the API: its limits are those of the tenant, however a request comes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ClientApi;
use crate::domain::TenantId;
use crate::http::answer_memory::SMALL_ANSWER_BYTES;
use crate::http::body::Bodies;
use crate::http::body_memory::Owner;
use crate::http::content_coding::Accepted;
use crate::http::failed_logins::FailedLogins;
use crate::http::problem::Problem;
use crate::http::reply::{Reply, ReplyBody};
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

    /// Counts a large answer to a tenant in the memory of answers, until it was sent.
    ///
    /// # Errors
    /// 503 if there is no room for it.
    pub(in crate::http) fn hold(&self, tenant: TenantId, reply: Reply) -> Result<Reply, Problem> {
        let (head, body) = reply.into_parts();
        let body = match body {
            ReplyBody::Whole(bytes) => ReplyBody::Whole(self.answers.hold_piece(tenant, bytes, SMALL_ANSWER_BYTES)?),
            streamed => streamed,
        };
        Ok(Reply::from_parts(head, body))
    }

    /// Returns who sent wrong credentials lately.
    pub(in crate::http) fn failed_logins(&self) -> &FailedLogins {
        &self.failed_logins
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
    pub(in crate::http) async fn compress(&self, reply: Reply, owner: Owner, accepted: Option<Accepted>) -> Reply {
        Box::pin(self.compression.encode(reply, owner, accepted)).await
    }
}
