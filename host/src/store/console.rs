//! The web console: who is logged in, and the files that wait until somebody has said what their columns mean.
//!
//! A session and a file expire, so servers of earlier versions, which know neither, leave nothing behind for ever.

use std::time::Duration;

use bytes::Bytes;

use super::StoreError;
use super::packing::{MAX_UNPACKED_BYTES, pack_bytes};
use crate::domain::{FileName, StagedFileId, TenantId, Timestamp};

/// Sessions of one credential at a time.
pub const MAX_CONSOLE_SESSIONS: u32 = 100;
/// Staged files of one tenant at a time.
pub const MAX_STAGED_FILES: u32 = 8;
/// Staged files that one sweep deletes. Deleting one of 64 MiB takes some dozens of milliseconds.
pub(super) const MAX_FILES_SWEPT: u32 = 4;

/// Sessions of the console, and staged files.
///
/// Staged files do not count as stored bytes. A tenant has [`MAX_STAGED_FILES`] of them at most, each as large as a request's
/// body may be, and each goes by itself; so their bound holds without a counter, and a tenant that has used up its stored bytes
/// can still look at a file.
pub trait ConsoleStore {
    /// Begins a session. Ends the oldest of its credential if there would be more than [`MAX_CONSOLE_SESSIONS`]. Nothing happens
    /// if the tenant was removed.
    fn begin_console_session(&self, session: &NewConsoleSession) -> Result<(), StoreError>;

    /// Returns the session with this hash; `None` if it has expired or ended. Whoever uses the session checks that its credential
    /// is still valid: a session does not end when its credential is revoked.
    fn console_session(&self, hash: &[u8; 32]) -> Result<Option<ConsoleSession>, StoreError>;

    /// Ends a session. Nothing happens if there is none.
    fn end_console_session(&self, hash: &[u8; 32]) -> Result<(), StoreError>;

    /// Keeps a file for a while. Discards the oldest of its tenant if there would be more than [`MAX_STAGED_FILES`]. Nothing
    /// happens if the tenant was removed.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if the disk of the embedded store has no room for the file, and [`StoreError::Refused`] if the
    /// file has more than 256 MiB.
    fn stage_file(&self, file: &NewStagedFile) -> Result<(), StoreError>;

    /// Returns a file of a tenant; `None` if it has expired, was discarded, or is another tenant's.
    fn staged_file(&self, tenant: TenantId, id: StagedFileId) -> Result<Option<StagedFile>, StoreError>;
}

/// A session to be begun.
#[derive(Debug, Clone, Copy)]
pub struct NewConsoleSession {
    /// SHA-256 of the session's id.
    pub hash: [u8; 32],
    /// SHA-256 of what the session begins with: a secret or an operator's token.
    pub credential: [u8; 32],
    /// The tenant of the secret; `None` if an operator begins the session.
    pub tenant: Option<TenantId>,
    /// How long the session lasts.
    pub lifetime: Duration,
}

/// A session that has not expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsoleSession {
    /// SHA-256 of what the session began with: a secret or an operator's token.
    pub credential: [u8; 32],
    /// The tenant of the secret; `None` if an operator began the session.
    pub tenant: Option<TenantId>,
    /// When the session expires.
    pub expires_at: Timestamp,
}

/// A file to be kept.
#[derive(Debug, Clone)]
pub struct NewStagedFile {
    /// The tenant that the file is for.
    pub tenant: TenantId,
    /// The file's new id.
    pub id: StagedFileId,
    /// What the file was called.
    pub name: FileName,
    /// The file as it came.
    pub content: Bytes,
    /// How long the file is kept.
    pub lifetime: Duration,
}

impl NewStagedFile {
    /// Packs the content. That is most of the work of keeping a file, and needs no lock.
    pub(super) fn packed(&self) -> Result<Vec<u8>, StoreError> {
        if self.content.len() > MAX_UNPACKED_BYTES {
            let source = format!("a file of more than {} MiB", MAX_UNPACKED_BYTES >> 20).into();
            return Err(StoreError::Refused { context: STAGING, source });
        }
        pack_bytes(&self.content)
    }
}

/// What a store is doing, for errors.
pub(super) const STAGING: &str = "staging a file";

/// A file that has not expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedFile {
    /// What the file was called.
    pub name: FileName,
    /// The file as it came.
    pub content: Vec<u8>,
    /// When the file expires.
    pub expires_at: Timestamp,
}
