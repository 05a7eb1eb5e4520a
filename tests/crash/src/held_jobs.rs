//! The jobs that a server has in its hands, as it says in its log.

use serde_json::Value;

use crate::servers::Servers;

/// A line of a server's log that concerns a job.
pub(crate) struct Line {
    event: String,
    job: String,
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let entry: Value = serde_json::from_str(line).ok()?;
        let field = |name: &str| Some(entry["fields"][name].as_str()?.to_owned());
        Some(Self { event: field("event")?, job: field("job")? })
    }

    /// Whether it says that the server does not work on the job any more, though it is not done.
    pub(crate) fn leaves(&self, job: &str) -> bool {
        const LEFT: [&str; 3] = ["lease_lost", "job_interrupted", "job_stopped"];
        self.job == job && LEFT.contains(&self.event.as_str())
    }
}

/// What a server logged of jobs.
pub(crate) fn log(servers: &Servers, place: usize) -> Vec<Line> {
    servers.log(place).lines().filter_map(Line::parse).collect()
}

/// The jobs that are still in its hands.
pub(crate) fn held(log: &[Line]) -> Vec<String> {
    let mut held: Vec<String> = Vec::new();
    for line in log {
        match line.event.as_str() {
            "job_claimed" => held.push(line.job.clone()),
            "job_completed" | "job_released" => held.retain(|job| *job != line.job),
            _ if line.leaves(&line.job) => held.retain(|job| *job != line.job),
            _ => {}
        }
    }
    held
}
