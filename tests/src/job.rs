//! A job, as its tenant's client sees it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Client, Reply, wait_until};

/// A job of a client's tenant.
#[derive(Clone)]
pub struct Job<'a> {
    client: &'a Client,
    /// The job's id.
    pub id: String,
}

impl<'a> Job<'a> {
    pub(crate) fn new(client: &'a Client, id: String) -> Self {
        Self { client, id }
    }

    /// Returns the path at which the job is read and deleted.
    pub fn path(&self) -> String {
        format!("/api/contacts/job/{}", self.id)
    }

    /// Reads the job with a query, such as `?details=1`.
    #[track_caller]
    pub fn read(&self, query: &str) -> Reply {
        self.client.get(&format!("{}{query}", self.path()))
    }

    /// Returns the job's status.
    #[track_caller]
    pub fn status(&self) -> String {
        self.read("").expect(200).json()["status"].as_str().expect("a status").to_owned()
    }

    /// Deletes the job.
    #[track_caller]
    pub fn delete(&self) -> Reply {
        self.client.delete(&self.path())
    }

    /// Waits until the job has this status. Fails at once when the job is past it.
    #[track_caller]
    pub fn wait_for(&self, status: &str) -> &Self {
        const ORDER: [&str; 3] = ["queued", "in_progress", "completed"];
        let place = |status: &str| ORDER.iter().position(|other| *other == status).expect("it is a status");
        wait_until(&format!("job {} to be {status}", self.id), || {
            let now = self.status();
            assert!(place(&now) <= place(status), "the job is {now} already, not {status}");
            (now == status).then_some(())
        });
        self
    }

    /// Waits for the job's end. Returns its counters, times and first rows.
    #[track_caller]
    pub fn finished(&self) -> Value {
        self.wait_for("completed").read("?details=full").expect(200).json()
    }

    /// Waits for the job's end. Returns all rows in order, joined from pages.
    #[track_caller]
    pub fn rows(&self) -> Vec<Value> {
        self.wait_for("completed");
        let mut rows = Vec::new();
        let mut next = Some(format!("{}?details=1&limit=1000", self.path()));
        while let Some(path) = next {
            let page = self.client.get(&path).expect(200).json();
            rows.extend(page["details"]["contacts"].as_array().expect("a list").iter().cloned());
            next = page["details"]["next-page"].as_str().map(str::to_owned);
        }
        rows
    }

    /// Waits for the job's end. Returns the rows' status codes in order.
    #[track_caller]
    pub fn codes(&self) -> Vec<u64> {
        self.rows().iter().map(|row| row["statusCode"].as_u64().expect("a code")).collect()
    }

    /// Waits for the job's end, which must come within `most`. Returns how long it took.
    #[track_caller]
    pub fn finished_within(&self, most: Duration) -> Duration {
        let started = Instant::now();
        self.wait_for("completed");
        let took = started.elapsed();
        assert!(took < most, "took {took:?}, more than {most:?}");
        took
    }
}
