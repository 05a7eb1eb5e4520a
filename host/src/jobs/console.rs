//! What the console keeps: who is logged in, and files that wait until somebody has said what their columns mean.

use std::time::Duration;

use super::{Service, ServiceError};
use crate::domain::{StagedFileId, TenantId, Timestamp};
use crate::store::{Authentication, NewConsoleSession, NewStagedFile, StagedFile, Tenant};

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

    /// Returns the tenant of a session that has not expired, and whose secret is still right.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn console_session(&self, hash: &[u8; 32]) -> Result<Authentication, ServiceError> {
        match self.store().console_session(hash)? {
            Some(session) => Ok(self.store().authenticate(None, &session.credential)?),
            None => Ok(Authentication::Unknown),
        }
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
