//! The remarks about a job, to which each commit adds those about its batch. Most batches have none, and cost nothing here.

use tokio_postgres::Statement;

use super::connections::Session;
use super::error::PgError;
use super::sql::{get, signed};
use crate::domain::JobRemarks;
use crate::store::usage::BLOB_ROW_BYTES;
use crate::store::{BatchCommit, Claim, StoreError, packing};

/// Adds the remarks about one batch, in the transaction of its commit.
pub(super) struct Remarking {
    /// `None` if there are no remarks about the batch.
    batch: Option<Prepared>,
}

struct Prepared {
    remarks: JobRemarks,
    read: Statement,
    write: Statement,
}

/// The remarks about a job after the batch.
#[derive(Default)]
pub(super) struct Remarked {
    text: String,
    /// The bytes that they count in addition.
    pub(super) bytes: i64,
}

impl Remarking {
    pub(super) async fn prepare(session: &Session, batch: &BatchCommit) -> Result<Self, PgError> {
        let remarks = packing::remarks(&batch.rows);
        if remarks.is_empty() {
            return Ok(Self { batch: None });
        }
        let read = session.prepare_cached("SELECT text FROM job_remarks WHERE tenant = $1 AND job = $2").await?;
        let write = session
            .prepare_cached(
                "INSERT INTO job_remarks (tenant, job, text) VALUES ($1, $2, $3)
                 ON CONFLICT (tenant, job) DO UPDATE SET text = excluded.text",
            )
            .await?;
        Ok(Self { batch: Some(Prepared { remarks, read, write }) })
    }

    /// Reads the remarks about earlier batches. The transaction must hold the lock of the job.
    pub(super) async fn read(&self, session: &Session, claim: &Claim) -> Result<Option<String>, PgError> {
        let Some(Prepared { read, .. }) = &self.batch else { return Ok(None) };
        let row = session.query_opt(read, &[&claim.tenant.0, &claim.job.0]).await?;
        Ok(row.map(|row| get(&row, 0)).transpose()?)
    }

    /// Adds the remarks about the batch to those `before` it.
    pub(super) fn add(&self, before: Option<&str>) -> Result<Remarked, StoreError> {
        let Some(Prepared { remarks, .. }) = &self.batch else { return Ok(Remarked::default()) };
        let text = packing::add_remarks(before, remarks)?;
        let bytes = signed(text.len()) - before.map_or(-BLOB_ROW_BYTES, |before| signed(before.len()));
        Ok(Remarked { text, bytes })
    }

    /// Stores the remarks about the job.
    pub(super) async fn write(&self, session: &Session, claim: &Claim, remarked: &Remarked) -> Result<(), PgError> {
        if let Some(Prepared { write, .. }) = &self.batch {
            session.execute(write, &[&claim.tenant.0, &claim.job.0, &remarked.text]).await?;
        }
        Ok(())
    }
}
