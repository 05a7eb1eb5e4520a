//! The results of all jobs, and how they are printed.

use std::io::{self, Write};
use std::time::Duration;

use bulkhead::domain::Warning;
use bulkhead::export::failure_text;
use bulkhead::harmless_text::one_line;
use bulkhead::plain_words::counted;

use super::answer::{Change, Job, Row};
use super::remarks::Remarks;
use crate::cli::printable::Printable;

/// Characters that are shown of a message.
const MAX_MESSAGE_CHARS: usize = 300;
/// Characters that are shown of a value, or of the name of a member.
const MAX_VALUE_CHARS: usize = 80;
/// Members that are shown of a contact that would change.
const MAX_CHANGES: usize = 30;

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    created: usize,
    updated: usize,
    unchanged: usize,
    failed: usize,
    not_processed: usize,
}

impl Counts {
    fn of(job: &Job) -> Self {
        let Job { created, updated, unchanged, failed, not_processed, .. } = *job;
        Self { created, updated, unchanged, failed, not_processed }
    }

    fn sum(self) -> usize {
        self.created + self.updated + self.unchanged + self.failed
    }
}

/// The file that has the contacts to correct.
#[derive(Debug)]
struct FailuresToCorrect {
    file: String,
    /// The command that sends it again.
    command: String,
}

/// The results of all jobs so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    lines: Vec<String>,
    /// Contacts of completed jobs.
    counts: Counts,
    /// Remarks about contacts of completed jobs.
    remarks: Remarks,
    /// The id of a job that is not completed yet, and its last counts.
    unfinished: Option<(String, Counts)>,
    time: Duration,
    failures: Vec<Failure>,
    shown: usize,
    is_dry_run: bool,
    /// The ids of completed jobs.
    completed: Vec<String>,
    changes: Vec<ChangedContact>,
    to_correct: Option<FailuresToCorrect>,
    /// The command that stores what a dry run tried.
    for_good: Option<String>,
}

impl Summary {
    /// Begins a summary that shows so many failed contacts.
    pub(super) fn new(shown: usize) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Says whether the jobs are dry runs, and by which command what they tried is stored.
    #[must_use]
    pub(super) fn of_dry_run(self, is_dry_run: bool, for_good: Option<String>) -> Self {
        Self { is_dry_run, for_good, ..self }
    }

    pub(super) fn start_job(&mut self, id: &str) {
        self.unfinished = Some((id.to_owned(), Counts::default()));
    }

    pub(super) fn see_job(&mut self, job: &Job) {
        if let Some((_, counts)) = &mut self.unfinished {
            *counts = Counts::of(job);
        }
    }

    pub(super) fn finish_job(&mut self, job: &Job, contacts: usize, time: Duration) {
        let Some((id, _)) = self.unfinished.take() else { return };
        self.lines.push(format!("job {id}: {} in {:.2} s", counted(contacts, "contact"), time.as_secs_f64()));
        self.completed.push(id);
        self.counts.created += job.created;
        self.counts.updated += job.updated;
        self.counts.unchanged += job.unchanged;
        self.counts.failed += job.failed;
        self.counts.not_processed += job.not_processed;
        self.remarks.add_job(&job.remarks());
        self.remarks.add_misspelt(job.misspelt_columns());
        self.time += time;
    }

    /// Returns how many more failed contacts are to be shown.
    pub(super) fn room(&self) -> usize {
        self.shown.saturating_sub(self.failures.len())
    }

    /// Returns of how many more contacts it is to be shown what would change.
    pub(super) fn room_for_changes(&self) -> usize {
        self.shown.saturating_sub(self.changes.len())
    }

    pub(super) fn add_change(&mut self, change: ChangedContact) {
        self.changes.push(change);
    }

    pub(super) fn add(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    /// Counts a warning about one contact.
    pub(super) fn add_warning(&mut self, warning: &Warning) {
        self.remarks.add_warning(warning);
    }

    pub(super) fn has_jobs(&self) -> bool {
        !self.lines.is_empty() || self.unfinished.is_some()
    }

    /// Returns how many contacts the server refused or did not come to.
    pub(super) fn failed(&self) -> usize {
        self.counts.failed + self.counts.not_processed
    }

    /// Names the file that has the contacts to correct, and the command that sends it again.
    pub(super) fn set_failures_file(&mut self, file: String, command: String) {
        self.to_correct = Some(FailuresToCorrect { file, command });
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for line in &self.lines {
            writeln!(out, "{line}")?;
        }
        if let Some((id, seen)) = &self.unfinished {
            writeln!(out, "job {id}: not completed when last polled; {} processed", counted(seen.sum(), "contact"))?;
        }
        let Counts { created, updated, unchanged, failed, not_processed } = self.counts;
        let seconds = self.time.as_secs_f64();
        let [created_name, updated_name, unchanged_name, failed_name] = if self.is_dry_run {
            writeln!(out, "\nThis was a dry run: nothing was stored.")?;
            ["would be created", "would be updated", "would stay as it is", "would fail"]
        } else {
            ["created", "updated", "unchanged", "failed"]
        };
        writeln!(out)?;
        writeln!(out, "{created_name:<20}{created:>9}")?;
        writeln!(out, "{updated_name:<20}{updated:>9}")?;
        if unchanged > 0 {
            writeln!(out, "{unchanged_name:<20}{unchanged:>9}")?;
        }
        writeln!(out, "{failed_name:<20}{failed:>9}")?;
        if not_processed > 0 {
            writeln!(out, "not processed       {not_processed:>9}")?;
        }
        if self.remarks.warnings() > 0 {
            writeln!(out, "warnings            {:>9}", self.remarks.warnings())?;
        }
        writeln!(out, "seconds             {seconds:>9.2}")?;
        if seconds > 0.0 {
            writeln!(out, "contacts per second {:>9.0}", count(self.counts.sum()) / seconds)?;
        }
        self.remarks.write(out)?;
        match self.failures.len() {
            0 => {}
            1 if failed == 1 => writeln!(out, "\nfailed contact:")?,
            shown if shown == failed => writeln!(out, "\nfailed contacts:")?,
            shown => writeln!(out, "\nthe first {shown} of {failed} failed contacts:")?,
        }
        self.failures.iter().try_for_each(|failure| writeln!(out, "  {}", failure.line))?;
        if !self.changes.is_empty() {
            writeln!(out, "\nwhat would change:")?;
            for ChangedContact { shown, lines } in &self.changes {
                writeln!(out, "  {shown}")?;
                lines.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
            }
        }
        if let Some(FailuresToCorrect { file, command }) = &self.to_correct {
            let (file, command) = (Printable::line(file), Printable::line(command));
            writeln!(out, "\n{file} has the contacts to correct and submit again:\n  {command}")?;
        }
        self.write_how_to_apply(out)
    }

    /// Says how to store what a dry run was for, if all of it was tried.
    fn write_how_to_apply(&self, out: &mut impl Write) -> io::Result<()> {
        if !self.is_dry_run || self.unfinished.is_some() || self.counts.not_processed > 0 {
            return Ok(());
        }
        let apply = match self.completed.as_slice() {
            [] => return Ok(()),
            [id] => format!("apply the job by POST /api/contacts/job/{id}/apply"),
            _ => String::from("apply each job above, in this order, by POST /api/contacts/job/ID/apply"),
        };
        match &self.for_good {
            Some(command) => {
                let command = Printable::line(command);
                writeln!(out, "\nto store the contacts, submit the file without --dry-run, or {apply}:\n  {command}")
            }
            None => writeln!(out, "\nto store the contacts, submit them again without --dry-run, or {apply}."),
        }
    }
}

fn count(contacts: usize) -> f64 {
    f64::from(u32::try_from(contacts).unwrap_or(u32::MAX))
}

/// A contact that would change, and how.
#[derive(Debug)]
pub(super) struct ChangedContact {
    shown: String,
    lines: Vec<String>,
}

impl ChangedContact {
    /// Creates the change of a contact. `shown` says which it is.
    pub(super) fn new(shown: &str, row: &Row) -> Self {
        let value = |value: &serde_json::Value| one_line(&value.to_string(), MAX_VALUE_CHARS);
        let line = |(name, change): (&String, &Change)| {
            format!("{}: {} -> {}", one_line(name, MAX_VALUE_CHARS), value(&change.before), value(&change.after))
        };
        let mut lines: Vec<String> = row.changes.iter().take(MAX_CHANGES).map(line).collect();
        if let Some(more) = row.changes.len().checked_sub(MAX_CHANGES).filter(|more| *more > 0) {
            lines.push(format!("and {more} more"));
        }
        Self { shown: format!("{shown} ({})", row.status_code), lines }
    }
}

/// A contact that failed, and why.
#[derive(Debug)]
pub(super) struct Failure {
    line: String,
}

impl Failure {
    /// Creates the failure of a contact. `shown` says which it is.
    pub(super) fn new(shown: &str, row: &Row) -> Self {
        let message = match &row.errors {
            Some(error) => failure_text(&error.message, &error.details, &row.codes, |_| None),
            None => String::from("no reason given"),
        };
        Self { line: format!("{shown} ({}): {}", row.status_code, one_line(&message, MAX_MESSAGE_CHARS)) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::answer::{Job, Row};
    use super::{ChangedContact, Failure, Summary};

    fn job(created: usize, updated: usize, failed: usize) -> Job {
        let processed = created + updated + failed;
        Job { status: "completed".to_owned(), processed, created, updated, failed, ..Job::default() }
    }

    fn written(summary: &Summary) -> String {
        let mut out = Vec::new();
        summary.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn counts_of_several_jobs_are_added() {
        let mut summary = Summary::new(1);
        for (id, job) in [("a", job(5, 1, 2)), ("b", job(1, 0, 0))] {
            summary.start_job(id);
            summary.finish_job(&job, job.processed, Duration::from_secs(1));
        }
        let row: Row =
            serde_json::from_str(r#"{"index":3,"statusCode":400,"errors":{"code":400,"message":"email: No\u001b."}}"#)
                .unwrap();
        summary.add(Failure::new("#3 key x a@b.co", &row));
        summary.set_failures_file("failed.csv".to_owned(), "bulkhead submit failed.csv".to_owned());
        assert_eq!(summary.room(), 0);
        let lines = [
            "job a: 8 contacts in 1.00 s",
            "job b: 1 contact in 1.00 s",
            "",
            "created                     6",
            "updated                     1",
            "failed                      2",
            "seconds                  2.00",
            "contacts per second         4",
            "",
            "the first 1 of 2 failed contacts:",
            "  #3 key x a@b.co (400): email: No\u{fffd}.",
            "",
            "failed.csv has the contacts to correct and submit again:",
            "  bulkhead submit failed.csv",
        ];
        assert_eq!(written(&summary).lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn a_dry_run_says_what_would_be() {
        let mut summary = Summary::new(1).of_dry_run(true, Some("bulkhead submit p.csv".to_owned()));
        summary.start_job("a");
        summary.finish_job(&job(1, 1, 0), 2, Duration::from_secs(1));
        let row: Row = serde_json::from_str(
            r#"{"index":0,"statusCode":201,"changes":{"city":{"before":null,"after":"Lübeck\u001b"},"points":{"before":1,"after":2}}}"#,
        )
        .unwrap();
        assert_eq!(summary.room_for_changes(), 1);
        summary.add_change(ChangedContact::new("#0 a@b.co", &row));
        assert_eq!(summary.room_for_changes(), 0);
        let text = written(&summary);
        for part in [
            "\nThis was a dry run: nothing was stored.\n\nwould be created            1\nwould be updated            1\nwould fail                  0\n",
            "\nto store the contacts, submit the file without --dry-run, or apply the job by POST /api/contacts/job/a/apply:\n  bulkhead submit p.csv\n",
            "\nwhat would change:\n  #0 a@b.co (201)\n    city: null -> \"Lübeck\\u001b\"\n    points: 1 -> 2\n",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_job_that_was_not_completed_is_named() {
        let mut summary = Summary::new(1);
        summary.start_job("a");
        summary.see_job(&job(3, 0, 1));
        assert!(summary.has_jobs());
        let line = "job a: not completed when last polled; 4 contacts processed\n";
        assert!(written(&summary).starts_with(line), "{}", written(&summary));
    }
}
