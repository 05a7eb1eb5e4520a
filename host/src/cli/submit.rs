//! `bulkhead submit`: sends a file of contacts, watches the jobs, and reports each contact that failed. Like any client it uses
//! only the HTTP API.

mod answer;
mod client;
mod contacts;
mod error;
mod interruption;
mod progress;
mod summary;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use uuid::Uuid;

use answer::{Job, Row};
use client::{Client, MAX_RETRY_PAUSE};
use contacts::{Contacts, Entry};
use error::SubmitError;
use interruption::Course;
use progress::Progress;
use summary::{Failure, Summary};

use super::output::print_error;

/// The first pause between two polls of a job; each pause is twice the last, up to [`MAX_POLL_PAUSE`].
const FIRST_POLL_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two polls, unless the server asks for a longer one.
const MAX_POLL_PAUSE: Duration = Duration::from_millis(200);
/// `Retry-After` counts in seconds, so up to this duration it only means "not yet". A longer one is respected.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// What to do with the contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// Create contacts, or update those whose e-mail address is stored already.
    Create,
    /// Replace contacts by id; fields that are not sent are emptied.
    Replace,
    /// Change the fields that are sent, by id.
    Update,
}

/// Arguments of `bulkhead submit`.
#[derive(Debug, Args)]
pub(crate) struct SubmitArgs {
    /// A JSON list of contacts, or a JSON object of contacts under your own keys, also gzipped; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: String,
    /// URL of the server.
    #[arg(long, value_name = "URL", env = "BULKHEAD_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The tenant's client id and secret, as printed by `bulkhead tenant add`.
    #[arg(long, value_name = "ID:SECRET", env = "BULKHEAD_USER", hide_env_values = true)]
    user: String,
    /// What to do with the contacts.
    #[arg(long, value_enum, default_value_t = Operation::Create)]
    operation: Operation,
    /// Number of failed contacts to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    failures: usize,
    /// Go on with a submission that was interrupted: its id, as it was printed then. The file and the other options must be
    /// the same. Requests that the server accepted within the last 48 hours are not sent twice.
    #[arg(long, value_name = "ID", value_parser = submission)]
    resume: Option<Uuid>,
}

fn submission(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text)
        .map_err(|_| "this is not the id of a submission, which 'submit' prints when it is interrupted")
}

/// Submits contacts and reports the results. Exit status: 0 if all contacts were accepted, 1 if some failed, 2 if a request was
/// refused or no server answered, 130 after Ctrl-C.
pub(crate) fn run(args: SubmitArgs) -> ExitCode {
    let mut summary = Summary::new(args.failures);
    let refused = submit(&args, &mut summary).err();
    if summary.has_jobs() || refused.is_none() {
        let mut out = io::stdout().lock();
        // The reader may have closed standard output; the exit status still reports the result.
        drop(summary.write(&mut out).and_then(|()| out.flush()));
    }
    match refused {
        Some(error) => {
            print_error(error);
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
        print_error(format_args!("{} has no contacts, so nothing was sent", args.file));
    }
    let mut progress = Progress::start(contacts.len());
    let submission = args.resume.unwrap_or_else(Uuid::new_v4);
    let course = Course::new(submission, contacts.len());
    course.report_interruptions();
    let mut before = 0;
    for (number, batch) in contacts.requests().into_iter().enumerate() {
        let started = Instant::now();
        course.sends(batch.len());
        // The same key when the submission is resumed, so that the server returns the job that it made then.
        let id = client.submit(args.operation, contacts.body(batch), &format!("{submission}-{number}"))?;
        course.accepted(&id);
        progress.print_line(&format!("job {id} has {} contacts", batch.len()));
        summary.start_job(&id);
        let job = watch(&client, &id, batch.len(), before, &course, &mut progress, summary)?;
        course.completed();
        summary.finish_job(&job, batch.len(), started.elapsed());
        collect_failures(&client, job, batch, before, summary)?;
        before += batch.len();
    }
    progress.finish();
    Ok(())
}

/// Polls a job of so many contacts until it is completed. The returned job has the first page of its results.
fn watch(
    client: &Client,
    id: &str,
    contacts: usize,
    before: usize,
    course: &Course,
    progress: &mut Progress,
    summary: &mut Summary,
) -> Result<Job, SubmitError> {
    let mut pause = FIRST_POLL_PAUSE;
    loop {
        let (job, retry_after) = client.job(id, contacts)?;
        progress.at(before + job.processed, &job.status);
        course.processed(job.processed);
        if job.is_completed() {
            return Ok(job);
        }
        summary.see_job(&job);
        sleep(retry_after.filter(|wait| *wait > MIN_RETRY_AFTER).map_or(pause, |asked| asked.min(MAX_RETRY_PAUSE)));
        pause = (pause * 2).min(MAX_POLL_PAUSE);
    }
}

/// Reads pages of results until enough failed contacts are known to show.
fn collect_failures(
    client: &Client,
    job: Job,
    batch: &[Entry<'_>],
    before: usize,
    summary: &mut Summary,
) -> Result<(), SubmitError> {
    let mut expected = job.failed.min(summary.room());
    let mut page = job.details;
    // A server whose pages never end must not be read for ever.
    let mut rows_left = batch.len();
    while expected > 0 {
        let Some(details) = page else { break };
        let rows = details.contacts.len();
        if rows == 0 {
            break;
        }
        rows_left = rows_left.checked_sub(rows).ok_or_else(|| client.unexpected("the job has too many results"))?;
        for row in details.contacts.into_iter().filter(Row::has_failed).take(expected) {
            expected -= 1;
            let entry = batch.get(row.index).ok_or_else(|| client.unexpected("a result is of no contact"))?;
            summary.add(Failure::new(before + row.index, entry, &row));
        }
        page = match details.next_page {
            Some(next) if expected > 0 => client.page(&next)?.details,
            _ => None,
        };
    }
    Ok(())
}
