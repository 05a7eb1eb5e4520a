//! `bulkhead component try`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulkhead::domain::{JobRemarks, ResultRow, Warning, World};
use bulkhead::jobs::{CallRow, Trial};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::failures::described;
use super::field_notes::field_notes;
use super::local_service::{LocalService, TenantError};
use super::watch::Watch;
use crate::cli::compile::CompileLimitArgs;
use crate::cli::contact_file::{self, Contacts, Entry};
use crate::cli::output::print_error;
use crate::cli::printable::{Printable, json};
use crate::cli::text_file::{in_file, read_text};
use bulkhead::plain_words::counted;

/// Bytes of the components' output that are shown: what one instance can print, and a mark.
const MAX_PRINTED_BYTES: usize = 5 << 10;

/// Arguments of `bulkhead component try`.
#[derive(Debug, Args)]
pub(crate) struct TryArgs {
    /// A WebAssembly component. A validator runs together with the built-in processor.
    file: PathBuf,
    /// A JSON list of contacts, or a JSON object of contacts under keys, as for 'submit': also gzipped, and `-` is standard
    /// input.
    contacts: PathBuf,
    /// JSON: the tenant's profile.
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,
    /// JSON: the tenant's limits that differ from the defaults.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// What to do with the contacts.
    #[arg(long, value_enum, default_value_t = Operation::Create)]
    operation: Operation,
    /// Contacts to store beforehand, in a file of the same kind. The first gets the id 1.
    #[arg(long, value_name = "FILE")]
    stored: Option<PathBuf>,
    /// Run again whenever one of the files changes, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    compile_limits: CompileLimitArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// Create contacts, or update those that have the same value in a unique field.
    Create,
    /// Replace contacts by id.
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

/// The last line of the output: the resources that the component used, and the results of the contacts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    component: String,
    world: &'static str,
    /// Microseconds spent in the component, including its start.
    guest_micros: u128,
    /// Bytes of the instance that used the most memory.
    peak_memory: usize,
    calls: u64,
    /// The number of rows by status.
    rows: BTreeMap<u16, usize>,
    /// The number of contacts with a member of this name, which no field knows.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    ignored: BTreeMap<String, u64>,
    /// The end of the components' output. A first line says how much was cut off, if something was.
    printed: String,
}

#[derive(Serialize)]
struct NumberedRow<'a> {
    index: usize,
    /// The contact's key, if the file is an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(flatten)]
    row: ResultRow,
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    warnings: &'a [Warning],
}

pub(super) fn run(args: &TryArgs) -> Result<ExitCode, Box<dyn Error>> {
    if !args.watch {
        return try_once(args);
    }
    let inputs = [Some(args.contacts.as_path()), args.stored.as_deref()];
    if inputs.into_iter().flatten().any(contact_file::is_standard_input) {
        return Err("standard input cannot be watched: give a file of contacts, or leave out --watch".into());
    }
    let files =
        [Some(&args.file), Some(&args.contacts), args.profile.as_ref(), args.limits.as_ref(), args.stored.as_ref()];
    let mut watch = Watch::new(files.into_iter().flatten().map(PathBuf::as_path).collect());
    loop {
        if let Err(error) = try_once(args) {
            print_error(error);
        }
        eprintln!("waiting for a file to change; stop with Ctrl-C");
        watch.wait();
    }
}

fn try_once(args: &TryArgs) -> Result<ExitCode, Box<dyn Error>> {
    let Input { contacts, keys } = Input::read(&args.contacts)?;
    let stored = args.stored.as_deref().map(Input::read).transpose()?.unwrap_or_default().contacts;
    let [profile, limits] = [&args.profile, &args.limits].map(|file| file.as_deref().map(read_text).transpose());
    let mut local = LocalService::open(&args.file, &args.compile_limits)?;
    let tenant = local.tenant(profile?.as_deref(), limits?.as_deref(), &stored).map_err(|error| match error {
        TenantError::Refused(error) => in_file(error, args.profile.as_deref(), args.limits.as_deref()),
        error => error.into(),
    })?;
    let trial = local.run(&tenant, args.operation.into(), &contacts)?;
    let (is_validator, digest) = (local.added.record.world == World::Validator, local.added.record.digest);
    let usage = if is_validator { trial.validator } else { trial.processor };
    let mut rows = BTreeMap::new();
    for row in &trial.rows {
        *rows.entry(row.status).or_default() += 1;
    }
    // Without the fields there are no notes. The rows say why the processor has none.
    let aliases = local.field_aliases(&tenant).ok().filter(|_| is_validator);
    let notes = aliases.map(|aliases| field_notes(&trial.rows, &aliases)).unwrap_or_default();
    let code = if rows.contains_key(&500) { ExitCode::from(1) } else { ExitCode::SUCCESS };
    let summary = Summary {
        component: digest.to_string(),
        world: local.added.record.world.as_str(),
        guest_micros: usage.time.as_micros(),
        peak_memory: usage.memory,
        calls: usage.calls,
        rows,
        ignored: JobRemarks::of(trial.rows.iter().map(|row| &row.remarks)).ignored.names,
        printed: tail(trial.printed.trim_end()),
    };
    write(&trial, &keys, &summary, &notes)?;
    Ok(code)
}

fn write(trial: &Trial, keys: &[String], summary: &Summary, notes: &[String]) -> Result<(), Box<dyn Error>> {
    // Locked and buffered, as a list may have 10,000 rows.
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (index, row) in trial.rows.iter().enumerate() {
        let key = keys.get(index).map(String::as_str);
        let numbered = NumberedRow { index, key, row: shown(row)?, warnings: &row.remarks.warnings };
        writeln!(out, "{}", json(&numbered)?)?;
    }
    writeln!(out, "{}", json(summary)?)?;
    out.flush()?;
    for note in notes {
        eprintln!("note: {}", Printable::indented(note));
    }
    for failure in described(&trial.failures) {
        eprintln!("\n{}", Printable::indented(failure));
    }
    let attempted = trial.failures.len();
    let failed = summary.rows.get(&500).copied().unwrap_or(0);
    if failed > attempted {
        eprintln!("\n{} failed, and each row says why", counted(failed - attempted, "more contact"));
    }
    Ok(())
}

/// Returns the end of a text, about one or two screens.
fn tail(text: &str) -> String {
    let start = text.ceil_char_boundary(text.len().saturating_sub(MAX_PRINTED_BYTES));
    match text.split_at_checked(start) {
        Some((cut, shown)) if !cut.is_empty() => format!("[{} bytes before this are cut off]\n{shown}", cut.len()),
        _ => text.to_owned(),
    }
}

/// Returns a row as a client sees it.
pub(super) fn shown(row: &CallRow) -> serde_json::Result<ResultRow> {
    let errors = row.error.as_ref().map(to_raw_value).transpose()?;
    Ok(ResultRow { id: row.id.map(|id| id.0), status_code: row.status, errors })
}

/// The contacts of a file, and their keys, if the file is an object.
#[derive(Default)]
struct Input {
    contacts: Vec<Box<RawValue>>,
    keys: Vec<String>,
}

impl Input {
    fn read(file: &Path) -> Result<Self, Box<dyn Error>> {
        let text = contact_file::read(file)?;
        let entries = Contacts::parse(file, &text)?.entries;
        // The text was read as JSON already.
        let json = |entry: &Entry<'_>| RawValue::from_string(entry.json.to_owned());
        let contacts = entries.iter().map(json).collect::<Result<_, _>>()?;
        Ok(Self { contacts, keys: entries.into_iter().filter_map(|entry| entry.key).collect() })
    }
}
