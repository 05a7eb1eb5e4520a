//! `bulkhead doctor`: looks for what troubles a store, or soon will.

mod checks;
mod configuration;
mod process_limits;
mod shared_database;

use std::error::Error;
use std::process::ExitCode;

use bulkhead::clock::Clock;
use bulkhead::store::Opening;
use clap::Args;
use serde::Serialize;

use super::output::{print_json, print_line};
use super::store::{Place, StoreArgs};

/// Connections to a database: the command sends one statement after the other.
const MAX_CONNECTIONS: usize = 2;

/// Arguments of `bulkhead doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Print each finding as one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: StoreArgs,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    /// It works, and something should be done.
    Warn,
    /// It does not work, or will stop soon.
    Fail,
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warn, found: found.into(), advice: Some(advice.into()) }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(check, found, advice) }
    }
}

/// Prints a line for each check. The exit code is 1 if a check failed.
///
/// # Errors
/// If standard output cannot be written to. What is wrong with a store is a finding.
pub(super) fn run(args: &DoctorArgs) -> Result<ExitCode, Box<dyn Error>> {
    let findings = findings(&args.store);
    for finding in &findings {
        if args.json { print_json(finding)? } else { print_line(line(finding))? }
    }
    let has_failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    Ok(ExitCode::from(u8::from(has_failed)))
}

fn line(finding: &Finding) -> String {
    let Finding { check, verdict, found, advice } = finding;
    let verdict = match verdict {
        Verdict::Ok => "ok  ",
        Verdict::Warn => "warn",
        Verdict::Fail => "fail",
    };
    let advice = advice.as_ref().map(|advice| format!("; {advice}")).unwrap_or_default();
    format!("{verdict} {check}: {found}{advice}")
}

fn findings(args: &StoreArgs) -> Vec<Finding> {
    let (mut findings, instances) = configuration::configuration(args);
    findings.push(checks::clock());
    findings.extend([process_limits::descriptors(), process_limits::addresses(instances), process_limits::threads()]);
    findings.extend(args.compiled().map(|folder| checks::cache(&folder)));
    // Opening a store makes its folder private and brings its schema up to date, which an examination must not do.
    let can_be_opened = match args.place() {
        // The check of the options has said so.
        Err(_) => false,
        Ok(Place::Folder(folder)) => {
            let (examined, is_private) = checks::folder(folder);
            findings.push(examined);
            let (examined, is_up_to_date) = checks::database(folder);
            findings.extend(examined);
            is_private && is_up_to_date
        }
        Ok(Place::Database(url)) => {
            let (examined, is_up_to_date) = shared_database::shared_database(url);
            findings.extend(examined);
            is_up_to_date
        }
    };
    if !can_be_opened {
        findings.push(checks::not_opened());
        return findings;
    }
    match args.open(Clock::system(), MAX_CONNECTIONS, Opening::Command) {
        Ok(store) => {
            findings.push(checks::writes(&*store));
            findings.extend(checks::disk(&*store));
            findings.extend(checks::secrets(&*store).unwrap_or_else(|error| vec![checks::unreadable(&error)]));
            findings.extend(checks::tenants(&*store).unwrap_or_else(|error| vec![checks::unreadable(&error)]));
        }
        Err(error) => findings.push(match error.downcast_ref() {
            Some(error) => checks::unreadable(error),
            None => Finding::fail("store", error.to_string(), "the store must be there before a server starts"),
        }),
    }
    findings
}
