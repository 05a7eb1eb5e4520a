//! `bulkhead submit`: sends a file of contacts, watches the jobs, and reports each contact that failed. Like any client it uses
//! only the HTTP API.

mod answer;
mod client;
mod content;
mod error;
mod failures;
mod interruption;
mod progress;
mod requests;
mod settings;
mod summary;

use std::io::{self, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use uuid::Uuid;

use answer::{Job, Row};
use client::{BulkRequest, Client, MAX_RETRY_PAUSE};
use content::Content;
use error::SubmitError;
use failures::FailuresFile;
use interruption::Course;
use progress::Progress;
use settings::FileArgs;
use summary::{Failure, Summary};

use super::contact_file;
use super::output::print_error;
use super::printable::Printable;

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
    /// A table (CSV, TSV), JSON lines, a JSON list of contacts, or a JSON object of contacts under your own keys, also compressed
    /// with gzip or zstd; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// URL of the server.
    #[arg(long, value_name = "URL", env = "BULKHEAD_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The tenant's client id and secret, as printed by `bulkhead tenant add`. Prefer the environment variable: other users can
    /// see options.
    #[arg(long, value_name = "ID:SECRET", env = "BULKHEAD_USER", hide_env_values = true)]
    user: Option<String>,
    /// What to do with the contacts.
    #[arg(long, value_enum, default_value_t = Operation::Create)]
    operation: Operation,
    #[command(flatten)]
    reading: FileArgs,
    /// Write the contacts that failed to this file, as they were sent and with the reasons: a table for a table, else JSON lines.
    /// Correct it, and submit it again. Without failures, there is no file.
    #[arg(long, value_name = "FILE")]
    failures: Option<PathBuf>,
    /// Number of failed contacts to show.
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    /// Go on with a submission that was interrupted: its id, as it was printed then. The file and the other options must be
    /// the same. Requests that the server accepted within the last 48 hours are not sent twice.
    #[arg(long, value_name = "ID", value_parser = submission)]
    resume: Option<Uuid>,
}

fn submission(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text)
        .map_err(|_| "this is not the id of a submission, which 'submit' prints when it is interrupted")
}

/// Submits contacts and reports the results. Exit status: 0 if no contact failed, 1 if some failed, 2 if a request was refused or
/// no server answered, 130 after Ctrl-C.
pub(crate) fn run(args: SubmitArgs) -> ExitCode {
    let mut summary = Summary::new(args.show);
    let refused = submit(&args, &mut summary).err();
    if summary.has_jobs() {
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
    let user = args.user.as_deref().filter(|user| !user.is_empty()).ok_or(SubmitError::NoUser)?;
    let client = Client::new(&args.url, user)?;
    let settings = args.reading.settings(&args.file, args.operation)?;
    let text = content::text(&args.file, settings.format, settings.charset.as_deref())?;
    let content = Content::parse(&args.file, &text, settings.format, &settings.table)?;
    if content.len() == 0 {
        eprintln!("note: {} has no contacts, so nothing was sent", Printable::line(contact_file::name(&args.file)));
        return Ok(());
    }
    let submission = args.resume.unwrap_or_else(Uuid::new_v4);
    let failures = args.failures.as_deref().map(|file| FailuresFile::create(file, &args.file, submission));
    let mut failures = failures.transpose()?;
    if let Some(id) = args.resume
        && !client.has_accepted(args.operation, &key(id, 0))?
    {
        return Err(SubmitError::UnknownSubmission { url: args.url.clone(), id });
    }
    let mut progress = Progress::start(content.len());
    let course = Course::new(submission, args.resume.is_some(), content.len());
    let cancelling = Client::new(&args.url, user)?;
    course.report_interruptions(cancelling);
    for (number, batch) in content.requests().into_iter().enumerate() {
        let started = Instant::now();
        course.sends(batch.len());
        let request = BulkRequest {
            operation: args.operation,
            query: &settings.query,
            content_type: content.content_type(),
            body: &content.body(batch.clone()),
        };
        // The same key when the submission is resumed, so that the server returns the job that it made then.
        let id = client.submit(&request, &key(submission, number))?;
        course.accepted(&id);
        progress.print_line(&format!("job {id} has {} contacts", batch.len()));
        summary.start_job(&id);
        let job = watch(&client, &id, &batch, &course, &mut progress, summary)?;
        course.completed();
        // Of a job that was accepted before, only the server knows how long it took.
        let before_this_run = args.resume.and_then(|_| job.time()).unwrap_or_default();
        let time = started.elapsed().max(before_this_run);
        summary.finish_job(&job, batch.len(), time);
        let has_failures = job.failed > 0 || job.not_processed > 0;
        read_rows(&client, job, &content, batch, summary)?;
        if let Some(file) = failures.as_mut().filter(|_| has_failures) {
            file.add(&client, &id, content.failures_type())?;
        }
    }
    progress.finish();
    if let Some(file) = failures.map(FailuresFile::finish).transpose()?.flatten() {
        summary.set_failures_file(Printable::line(file).to_string());
    }
    Ok(())
}

/// Returns the idempotency key of a submission's request.
fn key(submission: Uuid, request: usize) -> String {
    format!("{submission}-{request}")
}

/// Polls the job of some contacts until it is completed. The returned job has the first page of its results.
fn watch(
    client: &Client,
    id: &str,
    batch: &Range<usize>,
    course: &Course,
    progress: &mut Progress,
    summary: &mut Summary,
) -> Result<Job, SubmitError> {
    let mut pause = FIRST_POLL_PAUSE;
    loop {
        let (job, retry_after) = client.job(id, batch.len())?;
        // Waits while a question is on the terminal.
        course.processed(job.processed);
        progress.at(batch.start + job.processed, &job.status);
        if job.is_completed() {
            return Ok(job);
        }
        summary.see_job(&job);
        sleep(retry_after.filter(|wait| *wait > MIN_RETRY_AFTER).map_or(pause, |asked| asked.min(MAX_RETRY_PAUSE)));
        pause = (pause * 2).min(MAX_POLL_PAUSE);
    }
}

/// Reads pages of results until enough failed contacts are known to show, and all warnings are counted.
fn read_rows(
    client: &Client,
    job: Job,
    content: &Content<'_>,
    batch: Range<usize>,
    summary: &mut Summary,
) -> Result<(), SubmitError> {
    let mut expected = job.failed.min(summary.room());
    let mut warnings = job.warnings;
    let mut page = job.details;
    // A server whose pages never end must not be read for ever.
    let mut rows_left = batch.len();
    while expected > 0 || warnings > 0 {
        let Some(details) = page else { break };
        let rows = details.contacts.len();
        if rows == 0 {
            break;
        }
        rows_left = rows_left.checked_sub(rows).ok_or_else(|| client.unexpected("the job has too many results"))?;
        for warning in details.contacts.iter().flat_map(|row| &row.warnings) {
            warnings = warnings.saturating_sub(1);
            summary.add_warning(warning);
        }
        for row in details.contacts.into_iter().filter(Row::has_failed).take(expected) {
            expected -= 1;
            let index = batch.start.checked_add(row.index).filter(|index| batch.contains(index));
            let shown = index.and_then(|index| Some((index, content.shown(index)?)));
            let (index, shown) = shown.ok_or_else(|| client.unexpected("a result is of no contact"))?;
            summary.add(Failure::new(index, &shown, &row));
        }
        page = match details.next_page {
            Some(next) if expected > 0 || warnings > 0 => client.page(&next)?.details,
            _ => None,
        };
    }
    Ok(())
}
