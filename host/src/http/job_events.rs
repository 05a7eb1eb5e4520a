//! `GET /api/contacts/job/{id}/events`: a job's progress as server-sent events, until the job ends.
//!
//! | Event | When | Data |
//! |---|---|---|
//! | `progress` | At the beginning, and when the job is further, four times a second at most | What `details=full` says of the job, without rows |
//! | `end` | The job is completed, or gone; the stream ends | The same; or `{"status":"gone"}` |
//!
//! A stream that ends without `end` is to be asked for again: the server stops, or checks the credentials anew. Every stream begins
//! with the job as it is, so nothing depends on `Last-Event-ID`, except that who has the end already gets no stream any more.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response};
use tokio::time::{Instant, timeout_at};

use super::job::JobReader;
use super::job_view::JobView;
use super::job_wait::WaitingPlace;
use super::problem::Problem;
use super::reply::{BrokenOff, Reply, ReplyBody, no_content};
use crate::domain::{Job, JobId, JobState};
use crate::jobs::{JobNews, JobWatch};

/// The type of a stream of events.
pub(super) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
/// The header by which nginx and others are told to pass on each event at once.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The least time between two events of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// Time without an event after which a comment is sent, so that nothing on the way takes the connection for idle.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);
/// How long a stream lasts at most. Then its client asks again, with credentials that may have been revoked.
const MAX_STREAM_TIME: Duration = Duration::from_secs(10 * 60);
/// The pause that browsers make before they ask again.
const RETRY: &str = "retry: 2000\n\n";
const COMMENT: &str = ":\n\n";
/// The id of the last event.
const END_ID: &str = "end";
/// The data of the last event about a job that is gone.
const GONE: &str = r#"{"status":"gone"}"#;

/// Answers with a stream of events. `watch` was begun before this.
///
/// # Errors
/// 404 if there is no such job, 503 if the store cannot answer.
pub(super) async fn stream(
    reader: JobReader,
    id: JobId,
    headers: &HeaderMap,
    watch: JobWatch,
    place: WaitingPlace,
) -> Result<Reply, Problem> {
    let job = watch.shared(reader.job_in_turn(id).await?);
    // A browser asks again after the end of a stream, unless it is told that nothing follows.
    if job.state == JobState::Completed && headers.get(LAST_EVENT_ID).is_some_and(|known| known == END_ID) {
        return Ok(no_content());
    }
    let now = Instant::now();
    let events = Events {
        watch,
        job,
        phase: Phase::Begins,
        progress_at: now,
        comment_at: now + COMMENT_INTERVAL,
        ends_at: now + MAX_STREAM_TIME,
        _place: place,
    };
    // Boxed, because the future of the next piece would have room for it twice.
    let pieces = Box::pin(stream::unfold(Box::new(events), Events::next));
    let mut reply = Response::new(ReplyBody::Streamed(pieces));
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, EVENT_STREAM);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(reply)
}

/// A stream of events.
struct Events {
    watch: JobWatch,
    /// The job as it was known last.
    job: Arc<Job>,
    phase: Phase,
    /// When the next event of progress may be sent.
    progress_at: Instant,
    /// When a comment is due.
    comment_at: Instant,
    ends_at: Instant,
    _place: WaitingPlace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing was sent.
    Begins,
    /// The client has what is known of the job.
    Told,
    /// The job is further than the client knows.
    Untold,
    /// The last event was sent.
    Ended,
}

impl Events {
    /// Returns the next piece, once there is one. A client that does not take it gets the newest state when it does.
    async fn next(mut self: Box<Self>) -> Option<(Result<Bytes, BrokenOff>, Box<Self>)> {
        let begin = match self.phase {
            Phase::Begins => RETRY,
            Phase::Ended => return None,
            Phase::Told | Phase::Untold => "",
        };
        loop {
            let now = Instant::now();
            let due = match self.phase {
                _ if self.job.state == JobState::Completed => {
                    self.phase = Phase::Ended;
                    let event = event("end", END_ID, &self.job)?;
                    return Some((Ok(Bytes::from(format!("{begin}{event}"))), self));
                }
                Phase::Begins => now,
                Phase::Untold => self.progress_at,
                Phase::Told | Phase::Ended => self.comment_at.min(self.ends_at),
            };
            if due > now {
                match timeout_at(due, self.watch.news_after(&self.job)).await {
                    Ok(Some(JobNews::Job(job))) => (self.job, self.phase) = (job, Phase::Untold),
                    Ok(Some(JobNews::Gone)) => {
                        self.phase = Phase::Ended;
                        let event = format!("event: end\nid: {END_ID}\ndata: {GONE}\n\n");
                        return Some((Ok(Bytes::from(event)), self));
                    }
                    // The server stops.
                    Ok(None) => return None,
                    Err(_) => {}
                }
                continue;
            }
            if now >= self.ends_at {
                return None;
            }
            self.comment_at = now + COMMENT_INTERVAL;
            let piece = if self.phase == Phase::Told {
                Bytes::from_static(COMMENT.as_bytes())
            } else {
                self.phase = Phase::Told;
                self.progress_at = now + PROGRESS_INTERVAL;
                let event = event("progress", &self.job.counts.processed().to_string(), &self.job)?;
                Bytes::from(format!("{begin}{event}"))
            };
            return Some((Ok(piece), self));
        }
    }
}

/// Returns an event about a job.
fn event(name: &str, id: &str, job: &Job) -> Option<String> {
    let data = serde_json::to_string(&JobView::full(job)).ok()?;
    Some(format!("event: {name}\nid: {id}\ndata: {data}\n\n"))
}
