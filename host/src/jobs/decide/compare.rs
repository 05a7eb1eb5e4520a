//! Whether the items of a job come out as the dry run said that the job applies.

use crate::domain::{Action, ErrorCode, Expected, JobId, TenantId};
use crate::store::{
    BatchCommit, DraftRow, DryRunCheck, RowBody, RowContact, Store, StoreError, StoredRow, WriteTarget,
};

/// Adds to the rows of a batch what the dry run had said, where it said something else.
///
/// # Errors
/// If the store cannot answer.
pub(in crate::jobs) fn compare(
    store: &dyn Store,
    tenant: TenantId,
    dry_run: JobId,
    commit: &mut BatchCommit,
) -> Result<(), StoreError> {
    let BatchCommit { first, writes, rows, .. } = commit;
    let (first, count) = (u64::from(*first), rows.len() as u64);
    let targets: Vec<WriteTarget> = writes.iter().map(|write| write.target).collect();
    let mut next = first;
    rows.iter_mut().for_each(|row| row.check = DryRunCheck::NotCompared);
    while next < first + count {
        let expected = store.job_rows(tenant, dry_run, next..first + count)?;
        let Some(last) = expected.last().map(|row| u64::from(row.index)) else { break };
        for expected in expected {
            let place = usize::try_from(u64::from(expected.index).saturating_sub(first)).unwrap_or(usize::MAX);
            if let Some(row) = rows.get_mut(place) {
                row.check = check(row, &targets, expected);
            }
        }
        next = last + 1;
    }
    Ok(())
}

/// Compares a row with that of the dry run.
fn check(row: &DraftRow, targets: &[WriteTarget], expected: StoredRow) -> DryRunCheck {
    let StoredRow { row: expected_row, action: expected_action, codes: expected_codes, .. } = expected;
    let (status, id, codes): (u16, Option<u64>, Vec<ErrorCode>) = match &row.body {
        RowBody::Written { write, status } => (*status, stored_id(targets, *write), Vec::new()),
        RowBody::Deleted { id } => (200, Some(*id), Vec::new()),
        RowBody::Previewed { id, status } => (*status, *id, Vec::new()),
        RowBody::Unchanged { contact } => {
            let id = match contact {
                RowContact::Stored(id) => Some(*id),
                RowContact::Write(write) => stored_id(targets, *write),
                RowContact::Previewed => None,
            };
            (200, id, Vec::new())
        }
        RowBody::Failed { id, status, error } => (*status, *id, error.codes()),
    };
    // A contact that the dry run would have created has an id by now, and so have the items for it.
    let is_other_contact = expected_row.id.is_some_and(|expected| {
        expected_action != Action::Create
            && id != Some(expected)
            && !(id.is_none() && expected_action == Action::Refuse)
    });
    let is_as_expected = row.body.action() == expected_action
        && status == expected_row.status_code
        && codes == expected_codes
        && !is_other_contact;
    if is_as_expected {
        return DryRunCheck::AsExpected;
    }
    DryRunCheck::Differs(Box::new(Expected {
        id: expected_row.id,
        status_code: expected_row.status_code,
        action: expected_action,
        codes: expected_codes,
    }))
}

/// Returns the id of a stored contact that is written.
fn stored_id(targets: &[WriteTarget], write: usize) -> Option<u64> {
    match targets.get(write) {
        Some(WriteTarget::Existing { id, .. } | WriteTarget::Deleted { id, .. }) => Some(id.0),
        Some(WriteTarget::New) | None => None,
    }
}
