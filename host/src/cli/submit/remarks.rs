//! What the server tells about contacts besides their outcomes: warnings, and members that became no field.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

use bulkhead::domain::{IgnoredTally, JobRemarks, Warning};
use bulkhead::harmless_text::one_line;
use bulkhead::plain_words::counted;

/// Names of ignored members that are shown.
const MAX_IGNORED_NAMES: usize = 20;
/// Warnings that are told apart, by field and code.
const MAX_KINDS_OF_WARNINGS: usize = 1_000;
/// Kinds of warnings that are shown.
const MAX_SHOWN_WARNINGS: usize = 20;
/// Characters that are shown of the name of a field, a code or an ignored member.
const MAX_NAME_CHARS: usize = 80;

/// The remarks about the contacts of all jobs.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    sum: JobRemarks,
    /// How many warnings there are of each field and code.
    warnings: BTreeMap<(String, String), u64>,
    /// Ignored members that are nearly named as fields, with these.
    misspelt: BTreeMap<String, String>,
}

impl Remarks {
    /// Adds those of a job.
    pub(super) fn add_job(&mut self, remarks: &JobRemarks) {
        self.sum.add(remarks);
    }

    /// Adds ignored members that are nearly named as fields, with these: those of one job, as all jobs of a table have the same.
    pub(super) fn add_misspelt<'a>(&mut self, columns: impl Iterator<Item = (&'a str, &'a str)>) {
        if self.misspelt.is_empty() {
            self.misspelt = columns.map(|(column, field)| (column.to_owned(), field.to_owned())).collect();
        }
    }

    /// Counts a warning about one contact. A server that makes up ever new ones fills no memory.
    pub(super) fn add_warning(&mut self, warning: &Warning) {
        let kind = (one_line(&warning.field, MAX_NAME_CHARS), one_line(&warning.code, MAX_NAME_CHARS));
        if self.warnings.len() < MAX_KINDS_OF_WARNINGS || self.warnings.contains_key(&kind) {
            *self.warnings.entry(kind).or_default() += 1;
        }
    }

    /// Returns how many warnings there are.
    pub(super) fn warnings(&self) -> u64 {
        self.sum.warnings
    }

    /// Names the fields with warnings and the ignored members, those of most contacts first.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_warnings(out)?;
        self.write_ignored(out)
    }

    fn write_warnings(&self, out: &mut impl Write) -> io::Result<()> {
        if self.sum.warnings == 0 {
            return Ok(());
        }
        let mut kinds: Vec<_> = self.warnings.iter().collect();
        kinds.sort_by_key(|(_, contacts)| Reverse(**contacts));
        writeln!(out, "\nwarnings about values that were taken:")?;
        let mut more = self.sum.warnings;
        for ((field, code), contacts) in kinds.into_iter().take(MAX_SHOWN_WARNINGS) {
            writeln!(out, "  {field}: {code} in {}", counted(*contacts, "contact"))?;
            more = more.saturating_sub(*contacts);
        }
        if more > 0 {
            writeln!(out, "  and {more} more")?;
        }
        Ok(())
    }

    fn write_ignored(&self, out: &mut impl Write) -> io::Result<()> {
        let IgnoredTally { names, others } = &self.sum.ignored;
        if names.is_empty() && *others == 0 {
            return Ok(());
        }
        let mut names: Vec<(&String, &u64)> = names.iter().collect();
        names.sort_by_key(|(_, contacts)| Reverse(**contacts));
        writeln!(out, "\nignored members, which became no field:")?;
        for (name, contacts) in names.iter().take(MAX_IGNORED_NAMES) {
            write!(out, "  {} in {}", one_line(name, MAX_NAME_CHARS), counted(**contacts, "contact"))?;
            match self.misspelt.get(*name) {
                Some(field) => writeln!(out, " (did you mean {}?)", one_line(field, MAX_NAME_CHARS))?,
                None => writeln!(out)?,
            }
        }
        let more =
            names.iter().skip(MAX_IGNORED_NAMES).fold(*others, |sum, (_, contacts)| sum.saturating_add(**contacts));
        if more > 0 {
            writeln!(out, "  and {} of other names", counted(more, "more member"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bulkhead::domain::{IgnoredTally, JobRemarks, Warning};

    use super::Remarks;

    fn warning(field: &str, code: &str) -> Warning {
        Warning { field: field.to_owned(), code: code.to_owned() }
    }

    fn written(remarks: &Remarks) -> String {
        let mut out = Vec::new();
        remarks.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn warnings_and_ignored_members_of_all_jobs_are_told() {
        let mut remarks = Remarks::default();
        let job = |warnings, names: &[(&str, u64)], others| {
            let names = names.iter().map(|(name, items)| ((*name).to_owned(), *items)).collect();
            JobRemarks { warnings, ignored: IgnoredTally { names, others }, ..JobRemarks::default() }
        };
        remarks.add_job(&job(2, &[("utmtags", 1), ("E\u{1b}[2J\u{202e}", 1)], 0));
        remarks.add_job(&job(1, &[("utmtags", 4)], 1));
        for kind in [("a\u{1b}", "b\n"), ("state", "unknown_region"), ("state", "unknown_region")] {
            remarks.add_warning(&warning(kind.0, kind.1));
        }
        remarks.add_misspelt([("utmtags", "tags\u{1b}"), ("other", "tags")].into_iter());
        let told = [
            "",
            "warnings about values that were taken:",
            "  state: unknown_region in 2 contacts",
            "  a\u{fffd}: b\u{fffd} in 1 contact",
            "",
            "ignored members, which became no field:",
            "  utmtags in 5 contacts (did you mean tags\u{fffd}?)",
            "  E\u{fffd}[2J\u{fffd} in 1 contact",
            "  and 1 more member of other names",
        ];
        assert_eq!(written(&remarks).lines().collect::<Vec<_>>(), told);
    }

    #[test]
    fn warnings_of_a_server_that_makes_them_up_are_bounded() {
        let mut remarks = Remarks::default();
        remarks.add_job(&JobRemarks { warnings: 5_000, ..JobRemarks::default() });
        for number in 0..5_000 {
            remarks.add_warning(&warning(&format!("f{number}"), &"x".repeat(5_000)));
        }
        let text = written(&remarks);
        assert_eq!(
            (text.matches(" in 1 contact\n").count(), text.contains("\n  and 4980 more\n")),
            (20, true),
            "{text}"
        );
        assert!(text.len() < 5_000, "{text}");
    }
}
