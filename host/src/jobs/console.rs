//! What the console keeps: who is logged in, and files that wait until somebody has said what their columns mean.

use std::time::Duration;

use super::{Service, ServiceError};
use crate::domain::{StagedFileId, TenantId, Timestamp};
use crate::store::{Authentication, ConsoleSession, NewConsoleSession, NewStagedFile, StagedFile, Tenant};

impl Service {
    /// Begins a session of a tenant with the secret of this SHA-256, which is right. `hash` is that of the session's id.
    ///
    /// # Errors
    /// If the store cannot answer, or sessions begin too often.
    pub fn begin_console_session(
        &self,
        hash: &[u8; 32],
        secret: &[u8; 32],
        tenant: &Tenant,
        lifetime: Duration,
    ) -> Result<(), ServiceError> {
        // As often as a client gets tokens.
        self.admit_token(tenant)?;
        let session = NewConsoleSession { hash: *hash, credential: *secret, tenant: Some(tenant.id), lifetime };
        Ok(self.store().begin_console_session(&session)?)
    }

    /// Returns the session with this SHA-256 of its id, if it has not expired. Whoever uses it checks its credential: see
    /// [`Self::tenant_of_secret`].
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn console_session(&self, hash: &[u8; 32]) -> Result<Option<ConsoleSession>, ServiceError> {
        Ok(self.store().console_session(hash)?)
    }

    /// Returns the tenant with a secret of this SHA-256, if the secret is still right.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn tenant_of_secret(&self, hash: &[u8; 32]) -> Result<Authentication, ServiceError> {
        Ok(self.store().authenticate(None, hash)?)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn end_console_session(&self, hash: &[u8; 32]) -> Result<(), ServiceError> {
        Ok(self.store().end_console_session(hash)?)
    }

    /// Keeps a file for a while.
    ///
    /// # Errors
    /// If the store cannot answer, or has no room.
    pub fn stage_file(&self, file: &NewStagedFile) -> Result<(), ServiceError> {
        Ok(self.store().stage_file(file)?)
    }

    /// Returns a file that is kept for a tenant.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn staged_file(&self, tenant: TenantId, id: StagedFileId) -> Result<Option<StagedFile>, ServiceError> {
        Ok(self.store().staged_file(tenant, id)?)
    }

    /// Returns the store's time.
    pub fn now(&self) -> Timestamp {
        self.store().now()
    }
}
