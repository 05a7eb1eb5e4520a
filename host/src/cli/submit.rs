//! `bulkhead submit`: sends a file of contacts, watches the jobs, and reports each contact that failed. Like any client it uses
//! only the HTTP API.

mod again;
mod answer;
mod client;
mod connection;
mod content;
mod error;
mod failures;
mod failures_place;
mod interruption;
mod kind;
mod lines;
mod option_words;
mod progress;
mod remarks;
mod requests;
mod sending;
mod server_url;
mod settings;
mod summary;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::{Args, ValueEnum};
use uuid::Uuid;

use client::Client;
use content::Content;
use error::SubmitError;
use failures::FailuresForm;
use failures_place::FailuresPlace;
use interruption::Course;
use progress::Progress;
use sending::{Sending, key};
use settings::FileArgs;
use summary::Summary;

use super::contact_file;
use super::output::print_error;
use super::printable::Printable;

/// The server, unless the user names one.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// The environment variable that names the server.
const URL_VARIABLE: &str = "BULKHEAD_URL";
/// The environment variable that has the credentials.
const USER_VARIABLE: &str = "BULKHEAD_USER";

/// What to do with the contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Operation {
    /// Create contacts, or update those whose e-mail address is stored already.
    Create,
    /// Replace contacts by id; fields that are not sent are emptied. A row whose id no contact has becomes a new contact, with a new id.
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
    #[arg(long, value_name = "URL", env = URL_VARIABLE, default_value = DEFAULT_URL)]
    url: String,
    /// The tenant's client id and secret, as printed by `bulkhead tenant add`. Prefer --user-file or the environment variable:
    /// other users can see options.
    #[arg(long, value_name = "ID:SECRET", env = USER_VARIABLE, hide_env_values = true)]
    user: Option<String>,
    /// A file with what --user has; without it, the systemd credential 'user' counts.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_USER_FILE")]
    user_file: Option<PathBuf>,
    /// What to do with the contacts. Default: create. A table that a server exported has ids, so say whether they are meant.
    #[arg(long, value_enum)]
    operation: Option<Operation>,
    #[command(flatten)]
    reading: FileArgs,
    /// Store nothing: decide about all contacts as if they were to be stored, and report what would become of them. Each job, which
    /// has up to 10,000 contacts, is decided on its own.
    #[arg(long)]
    dry_run: bool,
    /// Show also what would change, of as many contacts as --show says.
    #[arg(long, requires = "dry_run")]
    diff: bool,
    /// Write the contacts that failed to this file, as they were sent and with the reasons: a table (.csv) for a table, else JSON
    /// lines (.ndjson). Correct it, and submit it again with the command that the summary prints. Without failures, there is no
    /// file.
    #[arg(long, value_name = "FILE")]
    failures: Option<PathBuf>,
    /// Write the table of --failures for Excel: it takes no cell for a formula, and reads the file as UTF-8.
    #[arg(long, requires = "failures")]
    excel: bool,
    /// Number of failed contacts to show, and with --diff of contacts that would change.
    #[arg(long, value_name = "N", default_value_t = 10)]
    show: usize,
    /// Go on with a submission that was interrupted: its id, as it was printed then. The file and the other options must be
    /// the same. Requests that the server accepted within the last 48 hours are not sent twice.
    #[arg(long, value_name = "ID", value_parser = submission)]
    resume: Option<Uuid>,
}

impl SubmitArgs {
    /// Returns what to do with the contacts.
    fn operation(&self) -> Operation {
        self.operation.unwrap_or(Operation::Create)
    }

    /// Refuses a table that a server exported, unless the options say what is to become of it. It may be meant to change its
    /// contacts, or to copy them to another server. To copy where a change was meant makes a second contact of each without an
    /// address, and to change where a copy was meant changes other contacts that have the same ids.
    fn check_exported(&self, content: &Content<'_>) -> Result<(), SubmitError> {
        let is_said = self.operation.is_some() || self.reading.mode.is_some() || self.reading.mapping.is_some();
        if is_said || !content.is_exported() {
            return Ok(());
        }
        Err(SubmitError::Exported(contact_file::name(&self.file)))
    }
}

fn submission(text: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(text)
        .map_err(|_| "this is not the id of a submission, which 'submit' prints when it is interrupted")
}

/// Why a submission ended early, and how to go on with it if the server accepted something.
struct EndedEarly {
    why: Box<SubmitError>,
    go_on: Option<String>,
}

impl From<SubmitError> for EndedEarly {
    fn from(why: SubmitError) -> Self {
        Self { why: Box::new(why), go_on: None }
    }
}

/// Submits contacts and reports the results. Exit status: 0 if no contact failed, 1 if some failed, 2 if a request was refused or
/// no server answered, 130 after Ctrl-C.
pub(crate) fn run(args: SubmitArgs) -> ExitCode {
    let mut summary = Summary::new(args.show).of_dry_run(args.dry_run, again::for_good(&args));
    let ended_early = submit(&args, &mut summary).err();
    if summary.has_jobs() {
        let mut out = io::stdout().lock();
        // The reader may have closed standard output; the exit status still reports the result.
        drop(summary.write(&mut out).and_then(|()| out.flush()));
    }
    match ended_early {
        Some(EndedEarly { why, go_on }) => {
            print_error(why);
            if let Some(go_on) = go_on {
                eprintln!("{go_on}");
            }
            ExitCode::from(2)
        }
        None if summary.failed() > 0 => ExitCode::from(1),
        None => ExitCode::SUCCESS,
    }
}

fn submit(args: &SubmitArgs, summary: &mut Summary) -> Result<(), EndedEarly> {
    let user = args.user.as_deref().filter(|user| !user.is_empty()).ok_or(SubmitError::NoUser)?;
    let client = Client::new(&args.url, user, |line| eprintln!("{line}"))?;
    let bytes = contact_file::read_bytes(&args.file).map_err(SubmitError::from)?;
    let settings = args.reading.settings(&args.file, &bytes, args.operation())?.for_dry_run(args.dry_run, args.diff);
    let text = content::text(&args.file, &bytes, settings.format, settings.charset.as_deref())?;
    let content = Content::parse(&args.file, &text, settings.format, &settings.table)?;
    if content.len() == 0 {
        content.check_header(&args.file)?;
        let name = contact_file::name(&args.file);
        let hint = if content.delimiter().is_some() {
            ". Its first row counts as the header; --header absent makes it a contact."
        } else {
            ""
        };
        eprintln!("note: {} has no contacts, so nothing was sent{hint}", Printable::line(name));
        return Ok(());
    }
    args.check_exported(&content)?;
    if args.excel && content.delimiter().is_none() {
        let name = contact_file::name(&args.file);
        let why = format!("--excel is for tables, and {name} is {}. Leave --excel out.", settings.format.noun());
        return Err(SubmitError::Setting(why).into());
    }
    let form = FailuresForm {
        content_type: content.failures_type(),
        excel: args.excel,
        has_mark: content::wants_mark(&bytes, &text, settings.charset.as_deref()),
    };
    if args.dry_run {
        client.check_dry_runs()?;
    }
    let check = |place: &PathBuf| FailuresPlace::check(place, &args.file, &content, args.resume.is_some());
    let place = args.failures.as_ref().map(check).transpose()?;
    let submission = args.resume.unwrap_or_else(Uuid::new_v4);
    if let Some(id) = args.resume
        && !client.has_accepted(args.operation(), &key(id, 0))?
    {
        return Err(SubmitError::UnknownSubmission { url: args.url.clone(), id }.into());
    }
    let progress = Progress::start(content.len());
    let course = Course::new(submission, args.resume.is_some(), content.len());
    course.report_interruptions(Client::new(&args.url, user, |line| eprintln!("{line}"))?);
    let client = client.saying(progress.printer());
    let unsure = client.unsure();
    let failures = place.map(|place| (place, form));
    Sending { args, settings: &settings, content: &content, client, submission, course: &course, progress }
        .send(failures, summary)
        .map_err(|why| {
            let go_on = course.go_on(unsure.load(Ordering::Relaxed));
            EndedEarly { why: Box::new(why), go_on }
        })
}
