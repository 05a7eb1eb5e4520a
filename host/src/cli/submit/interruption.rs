//! What `bulkhead submit` says when it is interrupted: what was sent, what runs on, and how to go on.

use std::fmt;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use tokio::signal::unix::{Signal, SignalKind, signal};
use uuid::Uuid;

use super::client::Client;
use crate::cli::output::print_error;
use bulkhead::plain_words::counted;

/// Bytes of an answer to a question.
const MAX_ANSWER_BYTES: u64 = 100;
/// The exit status after SIGINT, as shells tell it.
const EXIT_INTERRUPTED: i32 = 128 + 2;
/// The exit status after SIGTERM.
const EXIT_TERMINATED: i32 = 128 + 15;

/// How far a submission has come. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Course(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    submission: Uuid,
    /// Whether requests of the submission were accepted before this run of the command.
    is_resumed: bool,
    /// Contacts of the file.
    contacts: usize,
    /// Contacts of accepted requests.
    sent: usize,
    jobs: usize,
    /// Contacts of a request that is on its way.
    sending: Option<usize>,
    /// The job that is not completed yet.
    running: Option<RunningJob>,
}

#[derive(Debug)]
struct RunningJob {
    id: String,
    contacts: usize,
    processed: usize,
    /// Whether the server was told to cancel it.
    is_cancelled: bool,
}

impl Course {
    /// Begins a submission of so many contacts, or goes on with one.
    pub(super) fn new(submission: Uuid, is_resumed: bool, contacts: usize) -> Self {
        let state = State { submission, is_resumed, contacts, sent: 0, jobs: 0, sending: None, running: None };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Ends the process with a report when it gets SIGINT (Ctrl-C) or SIGTERM. On a terminal, asks after Ctrl-C whether to cancel
    /// the running job by `client`. If the system gives no thread for that, these signals end the process as usual.
    pub(super) fn report_interruptions(&self, client: Client) {
        let course = self.clone();
        let watch = move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            let Ok(mut signals) = runtime.block_on(async { Signals::new() }) else { return };
            let code = runtime.block_on(signals.next());
            // Held until the process ends, so that the progress draws nothing over what follows.
            let mut state = course.0.lock();
            let is_asked = code == EXIT_INTERRUPTED && io::stdin().is_terminal() && io::stderr().is_terminal();
            if is_asked && let Some(running) = &mut state.running {
                runtime.block_on(ask_to_cancel(&client, running, &mut signals));
            }
            // On a line of its own, behind the progress.
            eprintln!("\n{}", *state);
            std::process::exit(code);
        };
        drop(thread::Builder::new().name(String::from("interruption")).spawn(watch));
    }

    /// Notes that a request with so many contacts is being sent.
    pub(super) fn sends(&self, contacts: usize) {
        self.0.lock().sending = Some(contacts);
    }

    /// Notes that the server accepted the request.
    pub(super) fn accepted(&self, id: &str) {
        let mut state = self.0.lock();
        let contacts = state.sending.take().unwrap_or_default();
        state.sent += contacts;
        state.jobs += 1;
        state.running = Some(RunningJob { id: id.to_owned(), contacts, processed: 0, is_cancelled: false });
    }

    /// Notes how far the job is.
    pub(super) fn processed(&self, processed: usize) {
        if let Some(running) = &mut self.0.lock().running {
            running.processed = processed;
        }
    }

    /// Notes that the job is completed.
    pub(super) fn completed(&self) {
        self.0.lock().running = None;
    }

    /// Says how to go on with a submission that ended early, if the server has accepted something of it, or may have:
    /// because the request that failed last was sent.
    pub(super) fn go_on(&self, was_sent: bool) -> Option<String> {
        let state = self.0.lock();
        let may_be_accepted = was_sent && state.sending.is_some();
        (state.jobs > 0 || state.is_resumed || may_be_accepted).then(|| state.go_on())
    }
}

impl State {
    fn go_on(&self) -> String {
        let submission = self.submission;
        format!(
            "to go on: run the same command with --resume {submission} within 48 hours; what was accepted is not sent twice"
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { submission: _, is_resumed, contacts, sent, jobs, sending, running } = self;
        writeln!(f, "interrupted")?;
        writeln!(f, "sent: {sent} of {}, in {}", counted(*contacts, "contact"), counted(*jobs, "job"))?;
        match running {
            None => {}
            Some(RunningJob { id, is_cancelled: true, .. }) => {
                writeln!(
                    f,
                    "job {id} is cancelled; what it did stays, and contacts that it did not come to count as failed"
                )?;
            }
            Some(RunningJob { id, contacts, processed, .. }) => {
                writeln!(
                    f,
                    "job {id} runs on at the server; when last polled, it had processed {processed} of {}",
                    counted(*contacts, "contact")
                )?;
                writeln!(
                    f,
                    "to cancel it and keep its results: send POST /api/contacts/job/{id}/cancel, or have an operator run: bulkhead job cancel {id}"
                )?;
                writeln!(f, "to stop it and delete its results: send DELETE /api/contacts/job/{id}")?;
            }
        }
        if let Some(sending) = sending {
            let contacts = counted(*sending, "contact");
            writeln!(f, "a request with {contacts} was on its way; the server may have accepted it")?;
        }
        if !is_resumed && *jobs == 0 && sending.is_none() {
            return write!(f, "to go on: run the same command again; nothing was sent");
        }
        f.write_str(&self.go_on())
    }
}

/// The signals that end the process.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for a signal, and returns the exit status.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => EXIT_INTERRUPTED,
            _ = self.terminate.recv() => EXIT_TERMINATED,
        }
    }
}

/// Asks once whether to cancel a job, and does so. Another signal means no.
async fn ask_to_cancel(client: &Client, running: &mut RunningJob, signals: &mut Signals) {
    eprint!("\ncancel job {} at the server, and keep what it did? [y/N] ", running.id);
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().take(MAX_ANSWER_BYTES).read_line(&mut line).map(|_| line)
    });
    let answer = tokio::select! {
        answer = answer => answer.ok().and_then(Result::ok).unwrap_or_default(),
        _ = signals.next() => return,
    };
    if !["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
        return;
    }
    match client.cancel(&running.id) {
        Ok(()) => running.is_cancelled = true,
        Err(error) => print_error(error),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Course;

    #[test]
    fn a_report_says_what_was_sent_what_runs_on_and_how_to_go_on() {
        let course = Course::new(Uuid::nil(), false, 25_000);
        let report = || course.0.lock().to_string();
        let go_on = "to go on: run the same command with --resume 00000000-0000-0000-0000-000000000000 within 48 hours; what was accepted is not sent twice";
        let begin = "interrupted\nsent: 0 of 25000 contacts, in 0 jobs\n";
        assert_eq!(report(), format!("{begin}to go on: run the same command again; nothing was sent"));
        let resumed = Course::new(Uuid::nil(), true, 25_000);
        assert_eq!(resumed.0.lock().to_string(), format!("{begin}{go_on}"));
        course.sends(10_000);
        assert!(report().contains("a request with 10000 contacts was on its way"));
        assert_eq!((course.go_on(true).as_deref(), course.go_on(false)), (Some(go_on), None));
        course.accepted("a");
        course.processed(500);
        let said = report();
        assert!(
            said.contains(
                "sent: 10000 of 25000 contacts, in 1 job\njob a runs on at the server; when last polled, it had processed 500 of 10000 contacts\n"
            ),
            "{said}"
        );
        assert!(
            said.contains("DELETE /api/contacts/job/a")
                && said.contains("POST /api/contacts/job/a/cancel")
                && !said.contains("on its way"),
            "{said}"
        );
        course.completed();
        assert!(!report().contains("runs on") && report().ends_with(go_on));
        assert_eq!(course.go_on(false).as_deref(), Some(go_on));
    }
}
