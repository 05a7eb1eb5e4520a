//! `bulkhead component test`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use bulkhead::domain::Operation;
use bulkhead_table::Case;
use clap::Args;

use super::local_service::LocalService;
use super::trial::shown;
use super::watch::Watch;
use crate::cli::compile::CompileLimitArgs;
use crate::cli::output::{print_error, print_line};

/// Arguments of `bulkhead component test`.
///
/// Exit status: 0 if all results are as expected, 1 if some are not, 2 if the component or the table was refused.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// A WebAssembly component. A validator runs together with the built-in processor.
    file: PathBuf,
    /// JSON: a list of cases, as described in docs/components.md. Each case gets a new tenant.
    cases: PathBuf,
    /// Run again whenever one of the files changes, until Ctrl-C.
    #[arg(long)]
    watch: bool,
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
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", args.cases.display());
    let text = std::fs::read_to_string(&args.cases).map_err(|error| wrong(&error))?;
    let cases = bulkhead_table::parse(&text).map_err(|error| wrong(&error))?;
    let mut local = LocalService::open(&args.file, &args.compile_limits)?;
    let mut failed = 0;
    for case in &cases {
        let (differences, said) =
            run_case(&mut local, case).map_err(|error| wrong(&format!("{}: {error}", case.name)))?;
        let verdict = if differences.is_empty() { "ok" } else { "FAILED" };
        print_line(format_args!("{verdict:<6} {}", case.name))?;
        for difference in &differences {
            print_line(format_args!("       {difference}"))?;
        }
        if !differences.is_empty() {
            failed += 1;
            for line in said.lines() {
                print_line(format_args!("       | {line}"))?;
            }
        }
    }
    print_line(format_args!("{} cases, {failed} failed", cases.len()))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Runs a case. Returns the differences from the expected results, and what the component printed.
fn run_case(local: &mut LocalService, case: &Case) -> Result<(Vec<String>, String), Box<dyn Error>> {
    let tenant = local.tenant(case.profile.as_ref().map(|profile| profile.get()), None, &case.stored)?;
    let operation = match case.operation {
        bulkhead_table::Operation::Create => Operation::Create,
        bulkhead_table::Operation::Replace => Operation::Replace,
        bulkhead_table::Operation::Update => Operation::Update,
    };
    let trial = local.run(&tenant, operation, &case.contacts)?;
    let rows = trial.rows.iter().map(|row| serde_json::to_value(shown(row)?)).collect::<Result<Vec<_>, _>>()?;
    let differences = case.differences(&rows, |id| local.contact(&tenant, id));
    let said = std::iter::once(trial.printed.as_str()).chain(trial.failures.iter().map(String::as_str));
    Ok((differences, said.collect::<Vec<_>>().join("\n")))
}
