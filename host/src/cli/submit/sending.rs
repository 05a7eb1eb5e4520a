//! Sends what a file has: one request after another, each when the job of the last one is completed.

use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::answer::{Job, Row};
use super::client::{BulkRequest, Client, MAX_RETRY_PAUSE};
use super::content::Content;
use super::error::SubmitError;
use super::failures::{FailuresFile, FailuresForm};
use super::failures_place::FailuresPlace;
use super::interruption::Course;
use super::progress::Progress;
use super::settings::Settings;
use super::summary::{ChangedContact, Failure, Summary};
use super::{SubmitArgs, again};
use bulkhead::plain_words::counted;

/// The first pause between two polls of a job; each pause is twice the last, up to [`MAX_POLL_PAUSE`].
const FIRST_POLL_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two polls, unless the server asks for a longer one.
const MAX_POLL_PAUSE: Duration = Duration::from_millis(200);
/// `Retry-After` counts in seconds, so up to this duration it only means "not yet". A longer one is respected.
const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);

/// A submission whose contacts are being sent.
pub(super) struct Sending<'a> {
    pub(super) args: &'a SubmitArgs,
    pub(super) settings: &'a Settings,
    pub(super) content: &'a Content<'a>,
    pub(super) client: Client,
    pub(super) submission: Uuid,
    pub(super) course: &'a Course,
    pub(super) progress: Progress,
}

impl Sending<'_> {
    /// Sends one request after another, and waits for the job of each. The file of failures is made once the server accepted
    /// something, so that a submission that is refused leaves nothing behind.
    pub(super) fn send(
        mut self,
        failures: Option<(FailuresPlace, FailuresForm)>,
        summary: &mut Summary,
    ) -> Result<(), SubmitError> {
        let resume = self.args.resume;
        let (mut planned, mut failures) = (failures, None);
        for (number, batch) in self.content.requests().into_iter().enumerate() {
            let started = Instant::now();
            self.course.sends(batch.len());
            let request = BulkRequest {
                operation: self.args.operation(),
                query: &self.settings.query,
                content_type: self.content.content_type(),
                body: &self.content.body(batch.clone()),
            };
            // The same key when the submission is resumed, so that the server returns the job that it made then.
            let id = self.client.submit(&request, &key(self.submission, number))?;
            self.course.accepted(&id);
            self.progress.print_line(&format!("job {id} has {}", counted(batch.len(), "contact")));
            summary.start_job(&id);
            if let Some((place, form)) = planned.take() {
                failures = Some(FailuresFile::create(place, form, resume.is_some())?);
            }
            let job = self.watch(&id, &batch, summary)?;
            self.course.completed();
            // Of a job that was accepted before, only the server knows how long it took.
            let before_this_run = resume.and_then(|_| job.time()).unwrap_or_default();
            let time = started.elapsed().max(before_this_run);
            summary.finish_job(&job, batch.len(), time);
            let has_failures = job.failed > 0 || job.not_processed > 0;
            self.read_rows(job, batch, summary)?;
            if let Some(file) = failures.as_mut().filter(|_| has_failures) {
                file.add(&self.client, &id)?;
            }
        }
        self.progress.finish();
        if let Some(written) = failures.map(FailuresFile::finish).transpose()?.flatten() {
            let command = again::command(self.args, &written, self.content.delimiter());
            summary.set_failures_file(written.place.display().to_string(), command);
        }
        Ok(())
    }

    /// Polls the job of some contacts until it is completed. The returned job has the first page of its results.
    ///
    /// A server that can waits with its answer until the job has changed; for any other, there are pauses between the polls.
    fn watch(&mut self, id: &str, batch: &Range<usize>, summary: &mut Summary) -> Result<Job, SubmitError> {
        let (mut pause, mut tag, mut processed, mut status) = (FIRST_POLL_PAUSE, None, 0, String::new());
        loop {
            let (asked_at, is_first) = (Instant::now(), tag.is_none());
            let polled = self.client.poll(id, batch.len(), tag.as_deref())?;
            if let Some(job) = &polled.job {
                (processed, status) = (job.processed, job.status.clone());
            }
            // Waits while a question is on the terminal.
            self.course.processed(processed);
            self.progress.at(batch.start + processed, &status);
            if let Some(job) = polled.job {
                if job.is_completed() {
                    return self.client.job(id, batch.len());
                }
                summary.see_job(&job);
            }
            tag = polled.tag;
            let asked = polled.retry_after.filter(|wait| *wait > MIN_RETRY_AFTER);
            if let Some(asked) = asked {
                sleep(asked.min(MAX_RETRY_PAUSE));
            } else if polled.has_waited {
                sleep(FIRST_POLL_PAUSE.saturating_sub(asked_at.elapsed()));
            } else if !(is_first && tag.is_some()) {
                sleep(pause);
                pause = (pause * 2).min(MAX_POLL_PAUSE);
            }
        }
    }

    /// Reads pages of results until enough failed contacts are known to show, and all warnings are counted.
    fn read_rows(&self, job: Job, batch: Range<usize>, summary: &mut Summary) -> Result<(), SubmitError> {
        let client = &self.client;
        let mut expected = job.failed.min(summary.room());
        let mut warnings = job.warnings;
        let written = job.created.saturating_add(job.updated);
        let mut changes = if self.args.diff { written.min(summary.room_for_changes()) } else { 0 };
        let mut page = job.details;
        // A server whose pages never end must not be read for ever.
        let mut rows_left = batch.len();
        while expected > 0 || warnings > 0 || changes > 0 {
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
            let shown_of = |row: &Row| {
                let index = batch.start.checked_add(row.index).filter(|index| batch.contains(index));
                let shown = index.and_then(|index| self.content.shown(index));
                shown.ok_or_else(|| client.unexpected("a result is of no contact"))
            };
            for row in details.contacts.iter().filter(|row| !row.changes.is_empty()).take(changes) {
                changes -= 1;
                summary.add_change(ChangedContact::new(&shown_of(row)?, row));
            }
            for row in details.contacts.into_iter().filter(Row::has_failed).take(expected) {
                expected -= 1;
                summary.add(Failure::new(&shown_of(&row)?, &row));
            }
            page = match details.next_page {
                Some(next) if expected > 0 || warnings > 0 || changes > 0 => client.page(&next)?.details,
                _ => None,
            };
        }
        Ok(())
    }
}

/// Returns the idempotency key of a submission's request.
pub(super) fn key(submission: Uuid, request: usize) -> String {
    format!("{submission}-{request}")
}
