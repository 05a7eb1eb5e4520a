//! `bulkhead submit`: sends a file of contacts, watches the jobs and says what became of each contact that failed. A
//! client like any other: it knows the service by its HTTP API alone.

mod answer;
mod client;
mod contacts;
mod error;
mod progress;
mod summary;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use answer::{Job, Row};
use client::Client;
use contacts::{Contacts, Entry};
use error::SubmitError;
use progress::Progress;
use summary::{Failure, Summary};

/// The first wait between two looks at a job; each is twice the last, up to [`SLOWEST_POLL`].
const FIRST_POLL: Duration = Duration::from_millis(50);
const SLOWEST_POLL: Duration = Duration::from_millis(200);
/// `Retry-After` counts in seconds, so this much of it is no more than "not yet". More of it is honoured.
const NOT_YET: Duration = Duration::from_secs(1);

/// What is to be done with the contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// Create contacts; one whose e-mail is known already is updated instead.
    Create,
    /// Replace contacts by their id; fields that are not sent are emptied.
    Replace,
    /// Change the fields that are sent, of contacts given by their id.
    Update,
}

/// Arguments of `bulkhead submit`.
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// A JSON list of contacts, or a JSON object of them under keys of your own; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: String,
    /// The server.
    #[arg(long, value_name = "URL", env = "BULKHEAD_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The tenant's client id and secret, as `bulkhead tenant add` printed them.
    #[arg(long, value_name = "ID:SECRET", env = "BULKHEAD_USER", hide_env_values = true)]
    user: String,
    /// What to do with the contacts.
    #[arg(long, value_enum, default_value_t = Operation::Create)]
    operation: Operation,
    /// How many failed contacts to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    failures: usize,
}

/// Submits and reports. 0: all contacts were taken. 1: some failed. 2: refused, or no server.
pub(crate) fn run(args: SubmitArgs) -> ExitCode {
    let mut summary = Summary::new(args.failures);
    let refused = submit(&args, &mut summary).err();
    if summary.has_jobs() || refused.is_none() {
        let mut out = io::stdout().lock();
        // Whoever read this may have gone; the exit code still tells.
        drop(summary.write(&mut out).and_then(|()| out.flush()));
    }
    match refused {
        Some(error) => {
            eprintln!("bulkhead: {error}");
            ExitCode::from(2)
        }
        None if summary.failed() > 0 => ExitCode::from(1),
        None => ExitCode::SUCCESS,
    }
}

fn submit(args: &SubmitArgs, summary: &mut Summary) -> Result<(), SubmitError> {
    let client = Client::new(&args.url, &args.user)?;
    let text = contacts::read(&args.file)?;
    let contacts = Contacts::parse(&args.file, &text)?;
    if contacts.len() == 0 {
        eprintln!("bulkhead: {} has no contacts, so nothing was sent", args.file);
    }
    let mut progress = Progress::start(contacts.len());
    let mut before = 0;
    for batch in contacts.batches() {
        let started = Instant::now();
        let id = client.submit(args.operation, contacts.body(batch))?;
        progress.say(&format!("job {id} has {} contacts", batch.len()));
        summary.start_job(&id);
        let job = watch(&client, &id, before, &mut progress, summary)?;
        summary.finish_job(&job, batch.len(), started.elapsed());
        collect_failures(&client, job, batch, before, summary)?;
        before += batch.len();
    }
    progress.finish();
    Ok(())
}

/// Looks at a job until it is completed; its last answer carries the first page of its results.
fn watch(
    client: &Client,
    id: &str,
    before: usize,
    progress: &mut Progress,
    summary: &mut Summary,
) -> Result<Job, SubmitError> {
    let mut pause = FIRST_POLL;
    loop {
        let (job, retry_after) = client.job(id)?;
        progress.at(before + job.processed, &job.status);
        if job.is_completed() {
            return Ok(job);
        }
        summary.see_job(&job);
        sleep(retry_after.filter(|wait| *wait > NOT_YET).unwrap_or(pause));
        pause = (pause * 2).min(SLOWEST_POLL);
    }
}

/// Reads pages until as many failed contacts are known as are to be shown.
fn collect_failures(
    client: &Client,
    job: Job,
    batch: &[Entry<'_>],
    before: usize,
    summary: &mut Summary,
) -> Result<(), SubmitError> {
    let mut expected = job.failed.min(summary.room());
    let mut page = job.details;
    while expected > 0 {
        let Some(details) = page else { break };
        if details.contacts.is_empty() {
            break;
        }
        for row in details.contacts.into_iter().filter(Row::has_failed).take(expected) {
            expected -= 1;
            let entry = batch.get(row.index);
            summary.add(Failure::new(before + row.index, entry, &row));
        }
        page = match details.next_page {
            Some(next) if expected > 0 => client.page(&next)?.details,
            _ => None,
        };
    }
    Ok(())
}
