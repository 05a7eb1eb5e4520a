//! Prints the results on standard output.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use bulkhead::domain::{IgnoredTally, JobRemarks, Warning};

use super::answer::{Job, Row, one_line};

/// Characters that are shown of a message.
const MAX_MESSAGE_CHARS: usize = 300;
/// Names of ignored members that are shown.
const MAX_IGNORED_NAMES: usize = 20;
/// Warnings that are told apart, by field and code.
const MAX_KINDS_OF_WARNINGS: usize = 1_000;
/// Kinds of warnings that are shown.
const MAX_SHOWN_WARNINGS: usize = 20;
/// Characters that are shown of the name of a field, a code or an ignored member.
const MAX_NAME_CHARS: usize = 80;

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

/// The results of all jobs so far.
#[derive(Debug)]
pub(super) struct Summary {
    lines: Vec<String>,
    /// Contacts of completed jobs.
    counts: Counts,
    /// Remarks about contacts of completed jobs.
    remarks: JobRemarks,
    /// How many warnings there are of each field and code.
    warnings: BTreeMap<(String, String), u64>,
    /// The id of a job that is not completed yet, and its last counts.
    unfinished: Option<(String, Counts)>,
    time: Duration,
    failures: Vec<Failure>,
    shown: usize,
    /// The file that has the contacts to correct.
    failures_file: Option<String>,
}

impl Summary {
    pub(super) fn new(shown: usize) -> Self {
        Self {
            lines: Vec::new(),
            counts: Counts::default(),
            remarks: JobRemarks::default(),
            warnings: BTreeMap::new(),
            unfinished: None,
            time: Duration::ZERO,
            failures: Vec::new(),
            shown,
            failures_file: None,
        }
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
        self.lines.push(format!("job {id}: {contacts} contacts in {:.2} s", time.as_secs_f64()));
        self.counts.created += job.created;
        self.counts.updated += job.updated;
        self.counts.unchanged += job.unchanged;
        self.counts.failed += job.failed;
        self.counts.not_processed += job.not_processed;
        self.remarks.add(&job.remarks());
        self.time += time;
    }

    /// Returns how many more failed contacts are to be shown.
    pub(super) fn room(&self) -> usize {
        self.shown.saturating_sub(self.failures.len())
    }

    pub(super) fn add(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    /// Counts a warning about one contact. A server that makes up ever new ones fills no memory.
    pub(super) fn add_warning(&mut self, warning: &Warning) {
        let kind = (one_line(&warning.field, MAX_NAME_CHARS), one_line(&warning.code, MAX_NAME_CHARS));
        if self.warnings.len() < MAX_KINDS_OF_WARNINGS || self.warnings.contains_key(&kind) {
            *self.warnings.entry(kind).or_default() += 1;
        }
    }

    pub(super) fn has_jobs(&self) -> bool {
        !self.lines.is_empty() || self.unfinished.is_some()
    }

    /// Returns how many contacts the server refused or did not come to.
    pub(super) fn failed(&self) -> usize {
        self.counts.failed + self.counts.not_processed
    }

    /// Names the file that has the contacts to correct.
    pub(super) fn set_failures_file(&mut self, file: String) {
        self.failures_file = Some(file);
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        for line in &self.lines {
            writeln!(out, "{line}")?;
        }
        if let Some((id, seen)) = &self.unfinished {
            writeln!(out, "job {id}: not completed when last polled; {} contacts were processed", seen.sum())?;
        }
        let Counts { created, updated, unchanged, failed, not_processed } = self.counts;
        let seconds = self.time.as_secs_f64();
        writeln!(out)?;
        writeln!(out, "created             {created:>9}")?;
        writeln!(out, "updated             {updated:>9}")?;
        if unchanged > 0 {
            writeln!(out, "unchanged           {unchanged:>9}")?;
        }
        writeln!(out, "failed              {failed:>9}")?;
        if not_processed > 0 {
            writeln!(out, "not processed       {not_processed:>9}")?;
        }
        if self.remarks.warnings > 0 {
            writeln!(out, "warnings            {:>9}", self.remarks.warnings)?;
        }
        writeln!(out, "seconds             {seconds:>9.2}")?;
        if seconds > 0.0 {
            writeln!(out, "contacts per second {:>9.0}", count(self.counts.sum()) / seconds)?;
        }
        self.write_warnings(out)?;
        write_ignored(out, &self.remarks.ignored)?;
        match self.failures.len() {
            0 => {}
            shown if shown == failed => writeln!(out, "\nfailed contacts:")?,
            shown => writeln!(out, "\nthe first {shown} of {failed} failed contacts:")?,
        }
        self.failures.iter().try_for_each(|failure| writeln!(out, "  {}", failure.line))?;
        match &self.failures_file {
            Some(file) => writeln!(out, "\n{file} has the contacts to correct and submit again"),
            None => Ok(()),
        }
    }
}

impl Summary {
    /// Names the fields with warnings, those of most contacts first.
    fn write_warnings(&self, out: &mut impl Write) -> io::Result<()> {
        if self.remarks.warnings == 0 {
            return Ok(());
        }
        let mut kinds: Vec<_> = self.warnings.iter().collect();
        kinds.sort_by_key(|(_, contacts)| Reverse(**contacts));
        writeln!(out, "\nwarnings about values that were taken:")?;
        let mut more = self.remarks.warnings;
        for ((field, code), contacts) in kinds.into_iter().take(MAX_SHOWN_WARNINGS) {
            let plural = if *contacts == 1 { "" } else { "s" };
            writeln!(out, "  {field}: {code} in {contacts} contact{plural}")?;
            more = more.saturating_sub(*contacts);
        }
        if more > 0 {
            writeln!(out, "  and {more} more")?;
        }
        Ok(())
    }
}

/// Names the members that no field knows, those of most contacts first.
fn write_ignored(out: &mut impl Write, ignored: &IgnoredTally) -> io::Result<()> {
    let IgnoredTally { names, others } = ignored;
    if names.is_empty() && *others == 0 {
        return Ok(());
    }
    let mut names: Vec<(&String, &u64)> = names.iter().collect();
    names.sort_by_key(|(_, contacts)| Reverse(**contacts));
    writeln!(out, "\nignored members, because no field has their name:")?;
    for (name, contacts) in names.iter().take(MAX_IGNORED_NAMES) {
        let plural = if **contacts == 1 { "" } else { "s" };
        writeln!(out, "  {} in {contacts} contact{plural}", one_line(name, MAX_NAME_CHARS))?;
    }
    let more = names.iter().skip(MAX_IGNORED_NAMES).fold(*others, |sum, (_, contacts)| sum.saturating_add(**contacts));
    if more > 0 {
        writeln!(out, "  and {more} more members of other names")?;
    }
    Ok(())
}

fn count(contacts: usize) -> f64 {
    f64::from(u32::try_from(contacts).unwrap_or(u32::MAX))
}

/// A contact that failed, and why.
#[derive(Debug)]
pub(super) struct Failure {
    line: String,
}

impl Failure {
    /// Creates the failure of the contact with this index in the file. `shown` says which it is.
    pub(super) fn new(index: usize, shown: &str, row: &Row) -> Self {
        let message = row.errors.as_ref().map_or("no reason given", |error| error.message.as_str());
        Self { line: format!("#{index}{shown} ({}): {}", row.status_code, one_line(message, MAX_MESSAGE_CHARS)) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::answer::{Job, Row};
    use super::{Failure, Summary, Warning};

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
        for (id, job) in [("a", job(5, 1, 2)), ("b", job(2, 0, 0))] {
            summary.start_job(id);
            summary.finish_job(&job, job.processed, Duration::from_secs(1));
        }
        let row: Row =
            serde_json::from_str(r#"{"index":3,"statusCode":400,"errors":{"code":400,"message":"email: No\u001b."}}"#)
                .unwrap();
        summary.add(Failure::new(3, " key x a@b.co", &row));
        summary.set_failures_file("failed.csv".to_owned());
        assert_eq!(summary.room(), 0);
        let lines = [
            "job a: 8 contacts in 1.00 s",
            "job b: 2 contacts in 1.00 s",
            "",
            "created                     7",
            "updated                     1",
            "failed                      2",
            "seconds                  2.00",
            "contacts per second         5",
            "",
            "the first 1 of 2 failed contacts:",
            "  #3 key x a@b.co (400): email: No\u{fffd}.",
            "",
            "failed.csv has the contacts to correct and submit again",
        ];
        assert_eq!(written(&summary).lines().collect::<Vec<_>>(), lines);
    }

    #[test]
    fn warnings_and_ignored_members_of_all_jobs_are_told() {
        let mut summary = Summary::new(1);
        let names = |names: &[(&str, u64)]| names.iter().map(|(name, items)| ((*name).to_owned(), *items)).collect();
        let first = Job { warnings: 2, ignored: names(&[("utmtags", 1), ("E\u{1b}[2J\u{202e}", 3)]), ..job(5, 0, 0) };
        let second = Job { warnings: 1, ignored: names(&[("utmtags", 4)]), ignored_others: 6, ..job(5, 0, 0) };
        for job in [first, second] {
            summary.start_job("a");
            summary.finish_job(&job, job.processed, Duration::ZERO);
        }
        let warning = |field: &str, code: &str| Warning { field: field.to_owned(), code: code.to_owned() };
        for warning in
            [warning("a\u{1b}", "b\n"), warning("state", "unknown_region"), warning("state", "unknown_region")]
        {
            summary.add_warning(&warning);
        }
        let text = written(&summary);
        assert!(text.contains("warnings                    3\n"), "{text}");
        let told = "\nwarnings about values that were taken:\n  state: unknown_region in 2 contacts\n  a\u{fffd}: b\u{fffd} in 1 contact\n\nignored members, because no field has their name:\n  utmtags in 5 contacts\n  E\u{fffd}[2J\u{fffd} in 3 contacts\n  and 6 more members of other names\n";
        assert!(text.ends_with(told), "{text}");
    }

    #[test]
    fn warnings_of_a_server_that_makes_them_up_are_bounded() {
        let mut summary = Summary::new(1);
        summary.start_job("a");
        summary.finish_job(&Job { warnings: 5_000, ..job(5_000, 0, 0) }, 5_000, Duration::ZERO);
        for number in 0..5_000 {
            summary.add_warning(&Warning { field: format!("f{number}"), code: "x".repeat(5_000) });
        }
        let text = written(&summary);
        assert_eq!((text.matches(" in 1 contact").count(), text.contains("\n  and 4980 more\n")), (20, true), "{text}");
        assert!(text.len() < 5_000, "{text}");
    }

    #[test]
    fn a_job_that_was_not_completed_is_named() {
        let mut summary = Summary::new(1);
        summary.start_job("a");
        summary.see_job(&job(3, 0, 1));
        assert!(summary.has_jobs());
        let line = "job a: not completed when last polled; 4 contacts were processed\n";
        assert!(written(&summary).starts_with(line), "{}", written(&summary));
    }
}
