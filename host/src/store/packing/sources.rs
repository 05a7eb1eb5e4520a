//! What a job was made of and what it may do, as it is stored: null where it is what most jobs are.

use crate::domain::{ChangedSince, DryRun, JobId, Operation, Source, Undo, WriteMode};
use crate::store::StoreError;
use crate::store::error::Context;

/// The beginning of the stored mode of a dry run. Statements look for it. A server of an earlier version cannot read such a mode, so
/// it never runs a dry run as a job that stores contacts.
const DRY_RUN: &str = "dry_run:";
/// The beginning of the stored mode of a dry run that shows changes.
const DRY_RUN_WITH_CHANGES: &str = "dry_run_diff:";

/// The beginning of the stored mode of a job that undoes another one.
const UNDO: &str = "undo:";

/// Returns a job's source as it is stored.
pub(crate) fn stored_source(source: Option<&Source>) -> Result<Option<String>, StoreError> {
    source.map(serde_json::to_string).transpose().context("writing a job's source")
}

/// Reads a job's source.
pub(crate) fn read_source(stored: Option<&str>) -> Result<Option<Source>, StoreError> {
    let read = stored.map(serde_json::from_str).transpose();
    read.map_err(|error| StoreError::Corrupt(format!("a job's source: {error}")))
}

/// Returns a job's operation as it is stored.
pub(crate) fn stored_operation(operation: Operation, undoes: Option<Undo>) -> &'static str {
    if undoes.is_some() { Undo::OPERATION } else { operation.as_str() }
}

/// Reads a job's operation. An undo edits contacts.
pub(crate) fn read_operation(stored: &str) -> Result<Operation, StoreError> {
    let operation = if stored == Undo::OPERATION { Some(Operation::Update) } else { Operation::parse(stored) };
    operation.ok_or_else(|| StoreError::Corrupt(format!("a job's operation '{stored}'")))
}

/// Reads what a job undoes, given the job that it undoes and its mode.
pub(crate) fn read_undo(job: Option<JobId>, mode: Option<&str>) -> Result<Option<Undo>, StoreError> {
    let Some(job) = job else { return Ok(None) };
    let changed_since = mode.and_then(|mode| mode.strip_prefix(UNDO)).and_then(ChangedSince::parse);
    let changed_since = changed_since.ok_or_else(|| StoreError::Corrupt(format!("the mode of an undo: {mode:?}")))?;
    Ok(Some(Undo { job, changed_since }))
}

/// Returns a job's mode as it is stored, with whether the job is a dry run or an undo.
pub(crate) fn stored_mode(mode: WriteMode, dry_run: Option<DryRun>, undoes: Option<Undo>) -> Option<String> {
    if let Some(Undo { changed_since, .. }) = undoes {
        return Some(format!("{UNDO}{}", changed_since.as_str()));
    }
    match dry_run {
        None => (mode != WriteMode::Upsert).then(|| mode.as_str().to_owned()),
        Some(DryRun { shows_changes: false }) => Some(format!("{DRY_RUN}{}", mode.as_str())),
        Some(DryRun { shows_changes: true }) => Some(format!("{DRY_RUN_WITH_CHANGES}{}", mode.as_str())),
    }
}

/// Reads a job's mode, and whether the job is a dry run.
pub(crate) fn read_mode(stored: Option<&str>) -> Result<(WriteMode, Option<DryRun>), StoreError> {
    let Some(text) = stored.filter(|text| !text.starts_with(UNDO)) else { return Ok((WriteMode::Upsert, None)) };
    let (mode, dry_run) = if let Some(mode) = text.strip_prefix(DRY_RUN) {
        (mode, Some(DryRun { shows_changes: false }))
    } else if let Some(mode) = text.strip_prefix(DRY_RUN_WITH_CHANGES) {
        (mode, Some(DryRun { shows_changes: true }))
    } else {
        (text, None)
    };
    let mode = WriteMode::parse(mode).ok_or_else(|| StoreError::Corrupt(format!("a job's mode '{text}'")))?;
    Ok((mode, dry_run))
}

#[cfg(test)]
mod tests {
    use super::{read_mode, read_operation, read_undo, stored_mode, stored_operation};
    use crate::domain::{ChangedSince, DryRun, JobId, Operation, Undo, WriteMode};

    #[test]
    fn modes_are_read_as_they_were_stored() {
        for dry_run in [None, Some(DryRun { shows_changes: false }), Some(DryRun { shows_changes: true })] {
            for mode in [WriteMode::Upsert, WriteMode::Create, WriteMode::Update] {
                let stored = stored_mode(mode, dry_run, None);
                assert_eq!(read_mode(stored.as_deref()).unwrap(), (mode, dry_run), "{stored:?}");
                assert_eq!(stored.is_some_and(|text| text.starts_with("dry_run")), dry_run.is_some());
            }
        }
        for text in ["", "dry", "dry_run", "dry_run:", "dry_run:all", "Upsert"] {
            assert!(read_mode(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn an_undo_is_read_as_it_was_stored() {
        let job = JobId::random();
        for changed_since in [ChangedSince::Skip, ChangedSince::Restore] {
            let undo = Some(Undo { job, changed_since });
            let mode = stored_mode(WriteMode::Upsert, None, undo);
            assert_eq!(read_undo(Some(job), mode.as_deref()).unwrap(), undo);
            assert_eq!(read_mode(mode.as_deref()).unwrap(), (WriteMode::Upsert, None));
            assert_eq!(read_operation(stored_operation(Operation::Create, undo)).unwrap(), Operation::Update);
        }
        assert_eq!(read_undo(None, Some("update")).unwrap(), None);
        for mode in [None, Some("undo:all"), Some("update")] {
            assert!(read_undo(Some(job), mode).is_err(), "{mode:?}");
        }
    }
}
