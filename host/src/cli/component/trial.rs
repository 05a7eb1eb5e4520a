//! `bulkhead component try`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulkhead::domain::{ResultRow, World};
use bulkhead::jobs::{CallRow, Trial};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::watch::Watch;
use super::workshop::Workshop;

/// Bytes that are shown of what components printed.
const PRINTED: usize = 4 << 10;

/// Arguments of `bulkhead component try`.
///
/// Exit status: 0, 1 if the component failed on a contact (status 500), 2 if it was refused.
#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    /// A WebAssembly component. A validator is run on top of the built-in processor.
    file: PathBuf,
    /// A JSON list of contacts, as a client would send it.
    contacts: PathBuf,
    /// JSON: the tenant's profile.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// JSON: the tenant's limits that differ from the defaults.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// What is done with the contacts.
    #[arg(long, value_enum, default_value_t = Operation::Create)]
    operation: Operation,
    /// A JSON list of contacts that are there before, as a client would have sent them: the first has the id 1.
    #[arg(long, value_name = "FILE")]
    stored: Option<PathBuf>,
    /// Run again whenever one of the files changes, until Ctrl-C.
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// Make contacts, or merge into those that a unique field names.
    Create,
    /// Replace contacts by their id.
    Replace,
    /// Change the fields that are sent, by id.
    Update,
}

impl From<Operation> for bulkhead::domain::Operation {
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Create => Self::Create,
            Operation::Replace => Self::Replace,
            Operation::Update => Self::Update,
        }
    }
}

/// The last line: what the component used, and what became of the contacts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    component: String,
    world: &'static str,
    /// Microseconds in the component, starting it included.
    guest_micros: u128,
    /// The most bytes that an instance had.
    peak_memory: usize,
    calls: u64,
    /// How many rows have which status.
    rows: BTreeMap<u16, usize>,
    /// The end of what the components printed.
    printed: &'a str,
}

#[derive(Serialize)]
struct NumberedRow {
    index: usize,
    #[serde(flatten)]
    row: ResultRow,
}

pub(super) fn run(args: &TryArgs) -> Result<ExitCode, Box<dyn Error>> {
    if !args.watch {
        return try_once(args);
    }
    let files =
        [Some(&args.file), Some(&args.contacts), args.profile.as_ref(), args.limits.as_ref(), args.stored.as_ref()];
    let mut watch = Watch::new(files.into_iter().flatten().map(PathBuf::as_path).collect());
    loop {
        if let Err(error) = try_once(args) {
            eprintln!("bulkhead: {error}");
        }
        eprintln!("waiting for a change; Ctrl-C ends this");
        watch.wait();
    }
}

fn try_once(args: &TryArgs) -> Result<ExitCode, Box<dyn Error>> {
    let contacts = list(&args.contacts)?;
    let stored = args.stored.as_deref().map(list).transpose()?.unwrap_or_default();
    let [profile, limits] = [&args.profile, &args.limits].map(|file| file.as_deref().map(text).transpose());
    let mut workshop = Workshop::open(&args.file)?;
    let tenant = workshop.tenant(profile?.as_deref(), limits?.as_deref(), &stored)?;
    let trial = workshop.run(&tenant, args.operation.into(), &contacts)?;
    let (is_validator, digest) = (workshop.added.record.world == World::Validator, workshop.added.record.digest);
    let usage = if is_validator { trial.validator } else { trial.processor };
    let mut rows = BTreeMap::new();
    for row in &trial.rows {
        *rows.entry(row.status).or_default() += 1;
    }
    let code = if rows.contains_key(&500) { ExitCode::from(1) } else { ExitCode::SUCCESS };
    let summary = Summary {
        component: digest.to_string(),
        world: workshop.added.record.world.as_str(),
        guest_micros: usage.time.as_micros(),
        peak_memory: usage.memory,
        calls: usage.calls,
        rows,
        printed: tail(&trial.printed),
    };
    write(&trial, &summary)?;
    Ok(code)
}

fn write(trial: &Trial, summary: &Summary<'_>) -> Result<(), Box<dyn Error>> {
    // By a lock and in one piece: a list may have 10,000 rows.
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (index, row) in trial.rows.iter().enumerate() {
        serde_json::to_writer(&mut out, &NumberedRow { index, row: shown(row)? })?;
        out.write_all(b"\n")?;
    }
    serde_json::to_writer(&mut out, summary)?;
    out.write_all(b"\n")?;
    out.flush()?;
    for failure in &trial.failures {
        eprintln!("\nthe component failed: {}", failure.trim());
    }
    Ok(())
}

/// Not more than a screen or two.
fn tail(text: &str) -> &str {
    let start = (text.len().saturating_sub(PRINTED)..text.len()).find(|start| text.is_char_boundary(*start));
    text.get(start.unwrap_or(0)..).unwrap_or(text)
}

/// A row as a client sees it.
pub(super) fn shown(row: &CallRow) -> serde_json::Result<ResultRow> {
    let errors = row.error.as_ref().map(to_raw_value).transpose()?;
    Ok(ResultRow { id: row.id.map(|id| id.0), status_code: row.status, errors })
}

fn text(file: &Path) -> Result<String, Box<dyn Error>> {
    Ok(fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?)
}

/// Says the line where a file is no list of JSON values.
fn list(file: &Path) -> Result<Vec<Box<RawValue>>, Box<dyn Error>> {
    let read = text(file)?;
    Ok(serde_json::from_str(&read).map_err(|error| format!("{}: {error}; a JSON list is wanted", file.display()))?)
}
