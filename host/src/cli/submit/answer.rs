//! The server's answers, as far as `bulkhead submit` needs them.

use std::collections::BTreeMap;
use std::time::Duration;

use bulkhead::domain::{ErrorCode, IgnoredTally, JobRemarks, Source, Timestamp, Warning};
use bulkhead::harmless_text::one_line;
use serde::Deserialize;

/// The answer to an accepted request.
#[derive(Debug, Deserialize)]
pub(super) struct Accepted {
    pub(super) id: String,
}

/// A job with `details=full`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    pub(super) status: String,
    pub(super) processed: usize,
    pub(super) created: usize,
    pub(super) updated: usize,
    /// None of an older server's.
    #[serde(default)]
    pub(super) unchanged: usize,
    pub(super) failed: usize,
    /// Contacts that a cancelled job did not come to.
    #[serde(default)]
    pub(super) not_processed: usize,
    #[serde(default)]
    pub(super) warnings: u64,
    #[serde(default)]
    pub(super) ignored: BTreeMap<String, u64>,
    #[serde(default)]
    pub(super) ignored_others: u64,
    pub(super) created_at: Option<String>,
    pub(super) finished_at: Option<String>,
    pub(super) details: Option<Details>,
    pub(super) source: Option<Source>,
}

impl Job {
    pub(super) fn is_completed(&self) -> bool {
        self.status == "completed"
    }

    /// Returns the time from the server's acceptance of the job to its end, in whole seconds.
    pub(super) fn time(&self) -> Option<Duration> {
        let [created, finished] =
            [&self.created_at, &self.finished_at].map(|moment| moment.as_deref().and_then(Timestamp::parse));
        Some(Duration::from_micros(u64::try_from(finished?.0.checked_sub(created?.0)?).ok()?))
    }

    /// Returns what the server tells besides the counts.
    pub(super) fn remarks(&self) -> JobRemarks {
        let ignored = IgnoredTally { names: self.ignored.clone(), others: self.ignored_others };
        JobRemarks { warnings: self.warnings, ignored, ..JobRemarks::default() }
    }

    /// Returns the columns that became no field and are nearly named as one, each with that field.
    pub(super) fn misspelt_columns(&self) -> impl Iterator<Item = (&str, &str)> {
        let columns = self.source.iter().flat_map(|source| &source.columns);
        columns.filter_map(|column| Some((column.column.as_str(), column.similar.as_deref()?)))
    }

    /// Returns whether a job of so many contacts can have these counts.
    pub(super) fn fits(&self, contacts: usize) -> bool {
        let counts = [self.processed, self.created, self.updated, self.unchanged, self.failed, self.not_processed];
        counts.iter().all(|count| *count <= contacts)
    }
}

/// A page of results.
#[derive(Debug, Deserialize)]
pub(super) struct Details {
    #[serde(rename = "next-page")]
    pub(super) next_page: Option<String>,
    pub(super) contacts: Vec<Row>,
}

/// The result of one contact.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) index: usize,
    #[serde(rename = "statusCode")]
    pub(super) status_code: u16,
    pub(super) errors: Option<ItemError>,
    /// None of an older server's.
    #[serde(default)]
    pub(super) codes: Vec<ErrorCode>,
    #[serde(default)]
    pub(super) warnings: Vec<Warning>,
    /// What would change, in a dry run that shows it.
    #[serde(default)]
    pub(super) changes: BTreeMap<String, Change>,
}

/// How a member of a contact would change.
#[derive(Debug, Deserialize)]
pub(super) struct Change {
    #[serde(default)]
    pub(super) before: serde_json::Value,
    #[serde(default)]
    pub(super) after: serde_json::Value,
}

impl Row {
    pub(super) fn has_failed(&self) -> bool {
        self.errors.is_some() || self.status_code >= 400
    }
}

/// The part that both shapes of an item's error have in common.
#[derive(Debug, Deserialize)]
pub(super) struct ItemError {
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) details: serde_json::Value,
}

/// The answer to a request that failed as a whole.
#[derive(Debug, Deserialize)]
struct Envelope {
    errors: Vec<ItemError>,
}

/// Returns the message of a refusal in one line, or else the beginning of the body.
pub(super) fn refusal(body: &str) -> String {
    let said = serde_json::from_str::<Envelope>(body).ok().and_then(|envelope| envelope.errors.into_iter().next());
    match said.map(|error| error.message).filter(|message| !message.trim().is_empty()) {
        Some(message) => one_line(&message, 500),
        None if body.trim().is_empty() => "(no message).".to_owned(),
        None => format!("{}.", one_line(body.trim(), 200)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, refusal};

    #[test]
    fn refusals_become_one_line() {
        for (body, line) in [
            (r#"{"errors":[{"message":"No.","code":400,"type":"bad_request"}]}"#, "No."),
            ("<html>\n</html>", "<html>\u{fffd}</html>."),
            (r#"{"errors":[]}"#, r#"{"errors":[]}."#),
            ("", "(no message)."),
        ] {
            assert_eq!(refusal(body), line, "{body}");
        }
    }

    #[test]
    fn the_time_of_a_job_is_the_servers() {
        for (created, finished, seconds) in [
            (Some("2026-11-24T13:36:49+00:00"), Some("2026-11-24T13:37:51+00:00"), Some(62)),
            (Some("2026-11-24T13:36:49+00:00"), Some("2026-11-24T13:36:49+00:00"), Some(0)),
            (Some("2026-11-24T13:36:49+00:00"), Some("2026-11-24T13:36:48+00:00"), None),
            (Some("2026-11-24T13:36:49+00:00"), None, None),
            (Some("yesterday"), Some("2026-11-24T13:36:48+00:00"), None),
        ] {
            let [created_at, finished_at] = [created, finished].map(|moment| moment.map(str::to_owned));
            let job = Job { created_at, finished_at, ..Job::default() };
            assert_eq!(job.time().map(|time| time.as_secs()), seconds, "{created:?} {finished:?}");
        }
    }

    #[test]
    fn jobs_are_parsed_with_and_without_results() {
        let job: Job = serde_json::from_str(
            r#"{"status":"queued","total":2,"processed":0,"created":0,"updated":0,"failed":0,"startedAt":null}"#,
        )
        .unwrap();
        assert!(!job.is_completed() && job.details.is_none());
        let job: Job = serde_json::from_str(
            r#"{"status":"completed","processed":2,"created":1,"updated":0,"failed":1,"details":{"contacts":[
                {"index":0,"id":7,"statusCode":201},
                {"index":1,"key":"k","id":null,"statusCode":400,"errors":{"code":400,"message":"no","details":{},"type":null}}]}}"#,
        )
        .unwrap();
        let failed: Vec<bool> = job.details.unwrap().contacts.iter().map(super::Row::has_failed).collect();
        assert_eq!(failed, [false, true]);
    }
}
