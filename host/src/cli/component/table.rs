//! `bulkhead component test`.

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bulkhead::domain::{JobRemarks, Operation};
use bulkhead::operator_json::JsonText;
use bulkhead_table::Case;
use clap::Args;

use super::failures::described;
use super::junit::Report;
use super::local_service::{LocalService, TenantError};
use super::trial::shown;
use super::watch::Watch;
use crate::cli::compile::CompileLimitArgs;
use crate::cli::output::{print_error, print_line};
use crate::cli::text_file::{file_error, read_text};
use bulkhead::plain_words::counted;

/// Arguments of `bulkhead component test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// A WebAssembly component. A validator runs together with the built-in processor.
    file: PathBuf,
    /// JSON: a list of cases, as described in docs/components.md. Each case gets a new tenant.
    cases: PathBuf,
    /// Run again whenever one of the files changes, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    /// Also write the results to this file, as JUnit's XML. A file of an earlier run is removed first.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    compile_limits: CompileLimitArgs,
}

pub(super) fn run(args: &TestArgs) -> Result<ExitCode, Box<dyn Error>> {
    if !args.watch {
        return test(args);
    }
    let mut watch = Watch::new(vec![&args.file, &args.cases]);
    loop {
        if let Err(error) = test(args) {
            print_error(error);
        }
        eprintln!("waiting for a file to change; stop with Ctrl-C");
        watch.wait();
    }
}

fn test(args: &TestArgs) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(file) = &args.junit {
        remove_report(file)?;
    }
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", args.cases.display());
    let text = read_text(&args.cases)?;
    // A table that is not JSON is refused in the words of all files that operators and authors write.
    JsonText::parse(&text).map_err(|error| wrong(&error))?;
    let cases = bulkhead_table::parse(&text).map_err(|error| wrong(&error))?;
    if cases.is_empty() {
        return Err(wrong(&"the table has no cases, so nothing was tested").into());
    }
    let mut local = LocalService::open(&args.file, &args.compile_limits)?;
    let mut report = Report::default();
    for case in &cases {
        let started = Instant::now();
        let Played { differences, ignored, said } =
            play(&mut local, case).map_err(|error| wrong(&format!("{}: {error}", case.name)))?;
        report.add(&case.name, started.elapsed(), &differences, &said);
        let verdict = if differences.is_empty() { "ok" } else { "FAILED" };
        print_line(format_args!("{verdict:<6} {}", case.name))?;
        for difference in &differences {
            print_line(format_args!("       {difference}"))?;
        }
        if !differences.is_empty() {
            if !ignored.is_empty() {
                print_line(format_args!("       ignored members, which became no field: {}", ignored.join(", ")))?;
            }
            for line in said.lines() {
                print_line(format_args!("       | {line}"))?;
            }
        }
    }
    let failed = report.failed();
    print_line(format_args!("{}, {failed} failed", counted(cases.len(), "case")))?;
    if let Some(file) = &args.junit {
        fs::write(file, report.xml(&args.file.display().to_string())).map_err(|error| file_error(file, &error))?;
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Removes the report of an earlier run, which could be taken for that of this one.
fn remove_report(file: &Path) -> Result<(), String> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(file_error(file, &error)),
        _ => Ok(()),
    }
}

/// What a case came to.
#[derive(Default)]
struct Played {
    /// The differences from the expected results.
    differences: Vec<String>,
    /// The names of members that no field knows, for an author who misspelt one.
    ignored: Vec<String>,
    /// What the component printed, and how it failed.
    said: String,
}

fn play(local: &mut LocalService, case: &Case) -> Result<Played, Box<dyn Error>> {
    let tenant = local.tenant(case.profile.as_ref().map(|profile| profile.get()), None, &case.stored);
    let refusal = match &tenant {
        Err(TenantError::Refused(refusal)) => Some(refusal.to_string()),
        _ => None,
    };
    let differences = case.profile_differences(refusal.as_deref());
    if refusal.is_some() || !differences.is_empty() {
        return Ok(Played { differences, ..Played::default() });
    }
    let tenant = match tenant {
        Ok(tenant) => tenant,
        Err(error) => return Ok(Played { differences: vec![error.to_string()], ..Played::default() }),
    };
    let operation = match case.operation {
        bulkhead_table::Operation::Create => Operation::Create,
        bulkhead_table::Operation::Replace => Operation::Replace,
        bulkhead_table::Operation::Update => Operation::Update,
    };
    let trial = local.run(&tenant, operation, &case.contacts)?;
    let rows = trial.rows.iter().map(|row| serde_json::to_value(shown(row)?)).collect::<Result<Vec<_>, _>>()?;
    let differences = case.differences(&rows, |id| local.contact(&tenant, id));
    let ignored = JobRemarks::of(trial.rows.iter().map(|row| &row.remarks)).ignored.names.into_keys().collect();
    let said = std::iter::once(trial.printed).chain(described(&trial.failures));
    let said = said.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n");
    Ok(Played { differences, ignored, said })
}
