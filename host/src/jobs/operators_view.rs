//! What the console shows operators of a server, and of the jobs that it runs.

use std::time::Duration;

use super::{RecentFailure, RecentRun, Service, ServiceError};
use crate::domain::JobId;
use crate::store::{ConnectedServer, Lease, NewConsoleSession};

impl Service {
    /// Begins a session of an operator with the token of this SHA-256, which is right. `hash` is that of the session's id.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn begin_operator_session(
        &self,
        hash: &[u8; 32],
        token: &[u8; 32],
        lifetime: Duration,
    ) -> Result<(), ServiceError> {
        let session = NewConsoleSession { hash: *hash, credential: *token, tenant: None, lifetime };
        Ok(self.store().begin_console_session(&session)?)
    }

    /// Returns the servers that use the store; none of the embedded one.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn servers(&self) -> Result<Vec<ConnectedServer>, ServiceError> {
        Ok(self.store().servers()?)
    }

    /// Returns the leases of the jobs that workers of any server run.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn leases(&self) -> Result<Vec<Lease>, ServiceError> {
        Ok(self.store().leases()?)
    }

    /// Returns the runs of a job that ended on this server lately, the oldest first.
    pub fn recent_runs(&self, job: JobId) -> Vec<RecentRun> {
        self.worker_context().recent_runs.of(job)
    }

    /// Returns how components failed on this server in the last hour, the newest first.
    pub fn recent_failures(&self) -> Vec<RecentFailure> {
        self.decider_context().recent_failures.all()
    }

    /// Returns whether a worker of this server runs a job.
    pub fn runs(&self, job: JobId) -> bool {
        self.worker_context().running.has(job)
    }

    /// Returns what the store is, without secrets.
    pub fn store_description(&self) -> String {
        self.store().description()
    }
}
