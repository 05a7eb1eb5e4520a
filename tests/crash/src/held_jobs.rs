//! The jobs that a server runs, by its log.

use bulkhead_tests::Log;
use serde_json::Value;

/// Events after which a server no longer runs a job, although the job is not completed.
const LEFT: [&str; 3] = ["lease_lost", "job_interrupted", "job_stopped"];

/// A log entry about a job.
pub(crate) struct JobEvent {
    event: String,
    job: String,
}

impl JobEvent {
    fn parse(fields: &Value) -> Option<Self> {
        let field = |name: &str| Some(fields[name].as_str()?.to_owned());
        Some(Self { event: field("event")?, job: field("job")? })
    }

    /// Returns whether the server stopped running the job although it is not completed.
    pub(crate) fn leaves(&self, job: &str) -> bool {
        self.job == job && LEFT.contains(&self.event.as_str())
    }
}

/// Returns the entries about jobs from the line numbered `from` on.
pub(crate) fn job_events(log: &Log, from: usize) -> Vec<JobEvent> {
    log.entries(from).iter().filter_map(JobEvent::parse).collect()
}

/// Returns the jobs that the server still runs.
pub(crate) fn held_jobs(log: &Log) -> Vec<String> {
    let mut held: Vec<String> = Vec::new();
    for JobEvent { event, job } in job_events(log, 0) {
        match event.as_str() {
            "job_claimed" => held.push(job),
            "job_completed" | "job_released" => held.retain(|other| *other != job),
            event if LEFT.contains(&event) => held.retain(|other| *other != job),
            _ => {}
        }
    }
    held
}
