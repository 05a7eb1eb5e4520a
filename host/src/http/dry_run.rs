//! `dryRun` and `diff`: whether a call stores anything, and whether its answer says what would change.

use std::collections::HashSet;

use super::problem::Problem;
use crate::domain::DryRun;

/// The parameter that makes a dry run.
pub(super) const DRY_RUN: &str = "dryRun";
/// The parameter that shows what would change.
pub(super) const DIFF: &str = "diff";

/// What a client said about dry runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct DryRunSettings {
    is_dry_run: bool,
    shows_changes: bool,
}

impl DryRunSettings {
    /// Takes a parameter, one of [`DRY_RUN`] and [`DIFF`].
    ///
    /// # Errors
    /// 400 if it has a value that it cannot have.
    pub(super) fn add(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let is_on = match value {
            "1" => true,
            "0" => false,
            _ => {
                let value: String = value.chars().take(50).collect();
                return Err(Problem::bad_request(format!(
                    "'{name}' must be 0 or 1, not '{value}'. Nothing was stored."
                )));
            }
        };
        *(if name == DRY_RUN { &mut self.is_dry_run } else { &mut self.shows_changes }) = is_on;
        Ok(())
    }

    /// Returns the dry run that was asked for, if one was.
    ///
    /// # Errors
    /// 400 if only a dry run's changes were asked for.
    pub(super) fn dry_run(self) -> Result<Option<DryRun>, Problem> {
        let Self { is_dry_run, shows_changes } = self;
        if shows_changes && !is_dry_run {
            return Err(Problem::bad_request(
                "'diff' is for dry runs: it shows what would change. Nothing was stored. Send dryRun=1 as well, or leave 'diff' out.",
            ));
        }
        Ok(is_dry_run.then_some(DryRun { shows_changes }))
    }

    /// Reads the query of a call.
    ///
    /// # Errors
    /// 400 if a value is wrong, or a name is nearly right.
    pub(super) fn of_query(query: Option<&str>) -> Result<Option<DryRun>, Problem> {
        let (mut settings, mut names) = (Self::default(), HashSet::new());
        // Also parameters without a value: who began to write one wants nothing to be stored.
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let value = value.trim();
            if [DRY_RUN, DIFF].contains(&&*name) {
                settings.add(&name, value)?;
            } else {
                refuse_misspelt(&name)?;
            }
            if !value.is_empty() && !name.ends_with("[]") && !names.insert(name.clone()) {
                return Err(Problem::repeated_parameter(&name));
            }
        }
        settings.dry_run()
    }
}

/// Refuses a parameter that is spelt nearly like [`DRY_RUN`]: whoever sent it wants nothing to be stored.
///
/// # Errors
/// 400 if it is.
pub(super) fn refuse_misspelt(name: &str) -> Result<(), Problem> {
    if name != DRY_RUN && is_dry_run(name) {
        return Err(Problem::bad_request(format!(
            "'{name}' is no parameter of this call. Nothing was stored. A dry run is 'dryRun=1'."
        )));
    }
    Ok(())
}

/// Refuses a call that cannot be a dry run, if it is to be one.
///
/// # Errors
/// 400 if it is.
pub(super) fn refuse(query: Option<&str>) -> Result<(), Problem> {
    for (name, _) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if is_dry_run(&name) {
            return Err(Problem::bad_request(format!(
                "'{name}' is no parameter of this call, which cannot be a dry run. Nothing was changed."
            )));
        }
    }
    Ok(())
}

fn is_dry_run(name: &str) -> bool {
    let letters = name.chars().filter(|sign| sign.is_ascii_alphanumeric()).map(|sign| sign.to_ascii_lowercase());
    letters.eq("dryrun".chars())
}

#[cfg(test)]
mod tests {
    use super::{DryRunSettings, refuse};
    use crate::domain::DryRun;

    #[test]
    fn dry_runs_are_read_from_a_query() {
        let dry_run = |shows_changes| Some(DryRun { shows_changes });
        for (query, expected) in [
            ("", None),
            ("dryRun=0", None),
            ("dryRun=0&diff=0", None),
            ("dryRun=1", dry_run(false)),
            ("x=1&y=&y=&dryRun=1", dry_run(false)),
            ("dryRun=1&diff=1", dry_run(true)),
            ("diff=1&dryRun=+1", dry_run(true)),
        ] {
            assert_eq!(DryRunSettings::of_query(Some(query)).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for query in [
            "dryRun",
            "dryRun=",
            "dryRun=+",
            "dryRun=1&diff=",
            "dryRun=1&dryRun=",
            "dryRun=2",
            "dryRun=true",
            "dryRun=false",
            "x=1&x=1&dryRun=1",
            "dryRun=yes",
            "dryRun=1&diff=x",
            "diff=1",
            "dryRun=0&diff=1",
            "dryrun=1",
            "dry_run=0",
            "dry-run=1",
            "dryRun=1&dryRun=1",
            "dryRun[]=1",
        ] {
            assert!(DryRunSettings::of_query(Some(query)).is_err(), "{query}");
        }
        for query in ["dryRun=1", "dryRun=", "dry_run=x", "dry-run"] {
            assert!(refuse(Some(query)).is_err(), "{query}");
        }
        assert!(refuse(Some("diff=1&dry=1")).is_ok());
    }
}
