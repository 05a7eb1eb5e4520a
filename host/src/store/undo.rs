//! Undoing jobs: what a job changed, how its contacts were before, and whether the job can be undone.

use super::before_images::{BeforeImages, ChangeMarks};
use super::packing::read_undo;
use super::{StoreError, SubmitOutcome};
use crate::domain::{ChangedSince, ContactId, Digest, JobId, TenantId, Timestamp, Undo};

/// What jobs changed.
pub trait UndoStore {
    /// Returns until when a job can be undone, or why it cannot be undone now.
    fn undoable(&self, tenant: TenantId, request: &UndoRequest) -> Result<Undoable, StoreError>;

    /// Returns what a job changed, in the order of its commits. 24 bytes for each contact. Empty if that is not kept.
    fn change_marks(&self, tenant: TenantId, job: JobId) -> Result<Vec<ChangeMarks>, StoreError>;

    /// Returns the before-images of one row of a job. Returns none if they are not kept any more.
    fn before_images(&self, tenant: TenantId, job: JobId, first: u32) -> Result<BeforeImages, StoreError>;

    /// Takes a contact that is not stored any more out of all that is kept, as deleting it does: an undo may have deleted it. Does
    /// nothing about an id that no contact has had, or that a contact has.
    fn purge_contact(&self, tenant: TenantId, id: ContactId) -> Result<(), StoreError>;
}

/// A request to undo a job.
#[derive(Debug, Clone, Copy)]
pub struct UndoRequest {
    /// What is to be undone, and how.
    pub undo: Undo,
    /// The processor that the tenant has now.
    pub processor: Digest,
    /// Whether the job can be undone although another processor wrote its documents.
    pub with_any_processor: bool,
}

/// Whether a job can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undoable {
    /// It can, until then.
    Until(Timestamp),
    /// It is undone already, by this job.
    Undone(JobId),
    /// It cannot.
    No(UndoRefusal),
}

/// Why a job cannot be undone, in words for clients and operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UndoRefusal {
    /// The tenant has no such job.
    #[error("Job was not found: it never existed, was deleted, or has expired.")]
    Unknown,
    /// The job is a dry run.
    #[error("This job is a dry run, which stored no contact. There is nothing to undo.")]
    DryRun,
    /// The job is not completed.
    #[error(
        "This job is not completed. Nothing was changed. Undo it when its status is completed, or cancel it first."
    )]
    Unfinished,
    /// The job changed no contact.
    #[error("This job changed no contact. There is nothing to undo.")]
    NothingChanged,
    /// What the job changed is not kept, or not any more.
    #[error(
        "What this job changed is not kept, so it cannot be undone. Nothing was changed. It is kept for the tenant's undoDays (0 keeps nothing), and for a shorter time if keptMiB is used up."
    )]
    NotKept,
    /// Another processor wrote the documents.
    #[error(
        "The tenant has another processor than when this job ran, which may not understand the contacts as they were. Nothing was changed. If it does, undo the job with any processor (processor=any)."
    )]
    OtherProcessor,
    /// The job was undone, and that was undone by this job.
    #[error(
        "This job was undone, and that was undone by job {0}. Nothing was changed now. To undo this job again, undo job {0}."
    )]
    Redone(JobId),
    /// The job was undone, and that was undone by a job of which nothing is kept any more.
    #[error(
        "This job was undone, and that was undone by a job that was deleted or is not kept any more. Nothing was changed now. With changed=restore, an undo makes the contacts as they were before this job, and what was changed later is lost."
    )]
    RedoneBefore,
}

impl Undoable {
    /// Returns the outcome of accepting a job that undoes another one, unless the other one can be undone.
    pub(super) fn refusal(self) -> Option<SubmitOutcome> {
        match self {
            Self::Until(_) => None,
            Self::Undone(job) => Some(SubmitOutcome::Undone(job)),
            Self::No(refusal) => Some(SubmitOutcome::NotUndoable(refusal)),
        }
    }
}

/// What the store knows of a job that is to be undone.
#[derive(Debug, Default)]
pub(super) struct Undoability {
    /// The job, unless it was deleted or has expired.
    pub(super) job: Option<UndoneJob>,
    /// What is kept of it.
    pub(super) kept: Option<KeptChanges>,
}

/// A job that is to be undone.
#[derive(Debug)]
pub(super) struct UndoneJob {
    pub(super) is_finished: bool,
    pub(super) is_dry_run: bool,
    /// How many items changed what is stored.
    pub(super) written: i64,
}

/// What is kept of a job.
#[derive(Debug)]
pub(super) struct KeptChanges {
    pub(super) processor: Digest,
    pub(super) expires_at: Timestamp,
    pub(super) undone_as: Option<EarlierUndo>,
}

/// The last job that undid another one.
#[derive(Debug)]
pub(super) struct EarlierUndo {
    pub(super) job: JobId,
    /// How it did; `None` if it was deleted or has expired.
    pub(super) mode: Option<String>,
    pub(super) is_finished: bool,
    pub(super) is_cancelled: bool,
    /// The last job that undid it in turn.
    pub(super) undone_as: Option<JobId>,
    /// Whether that job runs, or can be undone.
    pub(super) is_redo_kept: bool,
}

impl Undoability {
    /// Returns whether the job can be undone.
    ///
    /// # Errors
    /// If the mode of a job cannot be read.
    pub(super) fn judge(&self, request: &UndoRequest) -> Result<Undoable, StoreError> {
        match (&self.job, &self.kept) {
            (None, None) => Ok(Undoable::No(UndoRefusal::Unknown)),
            (Some(UndoneJob { is_dry_run: true, .. }), _) => Ok(Undoable::No(UndoRefusal::DryRun)),
            (Some(UndoneJob { is_finished: false, .. }), _) => Ok(Undoable::No(UndoRefusal::Unfinished)),
            (Some(UndoneJob { written: 0, .. }), None) => Ok(Undoable::No(UndoRefusal::NothingChanged)),
            (Some(_), None) => Ok(Undoable::No(UndoRefusal::NotKept)),
            (_, Some(kept)) => kept.judge(request),
        }
    }
}

impl KeptChanges {
    fn judge(&self, request: &UndoRequest) -> Result<Undoable, StoreError> {
        let wanted = request.undo.changed_since;
        if let Some(earlier) = &self.undone_as {
            if let (Some(redo), ChangedSince::Skip) = (earlier.undone_as, wanted) {
                let refusal = if earlier.is_redo_kept { UndoRefusal::Redone(redo) } else { UndoRefusal::RedoneBefore };
                return Ok(Undoable::No(refusal));
            }
            if earlier.covers(wanted)? {
                return Ok(Undoable::Undone(earlier.job));
            }
        }
        if self.processor != request.processor && !request.with_any_processor {
            return Ok(Undoable::No(UndoRefusal::OtherProcessor));
        }
        Ok(Undoable::Until(self.expires_at))
    }
}

impl EarlierUndo {
    /// Returns whether it does what another undo would do.
    fn covers(&self, wanted: ChangedSince) -> Result<bool, StoreError> {
        let Some(undo) = self.mode.as_deref().map(|mode| read_undo(Some(self.job), Some(mode))).transpose()?.flatten()
        else {
            return Ok(false);
        };
        let does_as_much = wanted == ChangedSince::Skip || undo.changed_since == ChangedSince::Restore;
        Ok(!self.is_finished || (!self.is_cancelled && self.undone_as.is_none() && does_as_much))
    }
}

#[cfg(test)]
mod tests {
    use super::{EarlierUndo, KeptChanges, UndoRefusal, UndoRequest, Undoability, Undoable, UndoneJob};
    use crate::domain::{ChangedSince, Digest, JobId, Timestamp, Undo};

    fn request(job: JobId, changed_since: ChangedSince) -> UndoRequest {
        let undo = Undo { job, changed_since };
        UndoRequest { undo, processor: Digest([1; 32]), with_any_processor: false }
    }

    fn kept(processor: u8, undone_as: Option<EarlierUndo>) -> Option<KeptChanges> {
        Some(KeptChanges { processor: Digest([processor; 32]), expires_at: Timestamp(9), undone_as })
    }

    #[test]
    fn a_job_can_be_undone_while_what_it_changed_is_kept() {
        let job = |is_finished, is_dry_run, written| Some(UndoneJob { is_finished, is_dry_run, written });
        for (case, job, kept, expected) in [
            ("nothing", None, None, Undoable::No(UndoRefusal::Unknown)),
            ("a dry run", job(true, true, 3), None, Undoable::No(UndoRefusal::DryRun)),
            ("unfinished", job(false, false, 3), kept(1, None), Undoable::No(UndoRefusal::Unfinished)),
            ("failed items", job(true, false, 0), None, Undoable::No(UndoRefusal::NothingChanged)),
            ("not kept", job(true, false, 3), None, Undoable::No(UndoRefusal::NotKept)),
            ("another processor", job(true, false, 3), kept(2, None), Undoable::No(UndoRefusal::OtherProcessor)),
            ("kept", job(true, false, 3), kept(1, None), Undoable::Until(Timestamp(9))),
            ("an expired job", None, kept(1, None), Undoable::Until(Timestamp(9))),
        ] {
            let undoability = Undoability { job, kept };
            let judged = undoability.judge(&request(JobId::random(), ChangedSince::Skip)).unwrap();
            assert_eq!(judged, expected, "{case}");
        }
    }

    #[test]
    fn a_job_is_undone_again_only_if_that_does_more() {
        use ChangedSince::{Restore, Skip};
        let (undo, redo) = (JobId::random(), JobId::random());
        let again = Undoable::Until(Timestamp(9));
        for (mode, is_finished, is_cancelled, undone_as, wanted, expected) in [
            (Some(Skip), false, false, None, Skip, Undoable::Undone(undo)),
            (Some(Skip), false, false, None, Restore, Undoable::Undone(undo)),
            (Some(Skip), true, false, None, Skip, Undoable::Undone(undo)),
            (Some(Skip), true, false, None, Restore, again),
            (Some(Restore), true, false, None, Skip, Undoable::Undone(undo)),
            (Some(Restore), true, false, None, Restore, Undoable::Undone(undo)),
            (Some(Skip), true, true, None, Skip, again),
            (None, true, false, None, Skip, again),
            (Some(Skip), true, false, Some(redo), Skip, Undoable::No(UndoRefusal::Redone(redo))),
            (Some(Restore), true, false, Some(redo), Restore, again),
            (None, true, false, Some(redo), Skip, Undoable::No(UndoRefusal::Redone(redo))),
        ] {
            let mode = mode.map(|mode: ChangedSince| format!("undo:{}", mode.as_str()));
            let case = format!("{mode:?} {is_finished} {is_cancelled} {undone_as:?} {wanted:?}");
            let judged = |is_redo_kept| {
                let mode = mode.clone();
                let earlier = EarlierUndo { job: undo, mode, is_finished, is_cancelled, undone_as, is_redo_kept };
                let judged = Undoability { job: None, kept: kept(1, Some(earlier)) };
                judged.judge(&request(JobId::random(), wanted)).unwrap()
            };
            assert_eq!(judged(true), expected, "{case}");
            let is_redone = matches!(expected, Undoable::No(UndoRefusal::Redone(_)));
            let expected = if is_redone { Undoable::No(UndoRefusal::RedoneBefore) } else { expected };
            assert_eq!(judged(false), expected, "{case}, and the redo is gone");
        }
    }
}
