//! Values that are there at any time, read when somebody asks for the metrics.

use std::time::Duration;

use super::Metrics;
use crate::store::{PoolUse, StoreStatistics};

/// Values that are there at any time.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// What the store says of its queue, its contacts and its bytes, and how old that is; `None` if it has not answered yet.
    pub statistics: Option<(StoreStatistics, Duration)>,
    /// Whether the store answered when it was last asked.
    pub is_store_up: bool,
    /// This server's connections to the store.
    pub pool: PoolUse,
    /// Workers that run a job.
    pub busy_workers: usize,
    /// Workers that do not come back.
    pub stalled_workers: usize,
    /// Workers in the settings.
    pub workers: usize,
    /// Clients that wait for jobs.
    pub waiters: usize,
}

impl Gauges {
    /// Sets the metrics that show these values.
    pub(super) fn tell(&self, metrics: &Metrics) {
        let Metrics { jobs, store, webhooks, .. } = metrics;
        store.is_up.set(i64::from(self.is_store_up));
        if let Some((statistics, age)) = &self.statistics {
            let state = |state| [("state", state)];
            jobs.jobs.get_or_create_owned(&state("queued")).set(signed(statistics.queued_jobs));
            jobs.jobs.get_or_create_owned(&state("in_progress")).set(signed(statistics.running_jobs));
            jobs.waiting_contacts.set(signed(statistics.waiting_items));
            jobs.oldest_waiting.set(statistics.oldest_queued.unwrap_or_default().as_secs_f64());
            store.contacts.set(signed(statistics.contacts));
            store.tenants.set(signed(statistics.tenants));
            let bytes = [
                ("tenants", Some(statistics.stored_bytes)),
                ("file", statistics.file_bytes),
                ("wal", statistics.log_bytes),
                ("disk_free", statistics.free_bytes),
            ];
            for (kind, bytes) in bytes.into_iter().filter_map(|(kind, bytes)| Some((kind, bytes?))) {
                store.bytes.get_or_create_owned(&[("kind", kind)]).set(signed(bytes));
            }
            webhooks.waiting.set(signed(statistics.waiting_messages));
            webhooks.oldest.set(statistics.oldest_message.unwrap_or_default().as_secs_f64());
            store.statistics_age.set(age.as_secs_f64());
        }
        let PoolUse { most, busy, waiting } = self.pool;
        for (state, count) in [("max", most), ("busy", busy), ("awaited", waiting)] {
            store.connections.get_or_create_owned(&[("state", state)]).set(count_of(count));
        }
        let idle = self.workers.saturating_sub(self.busy_workers);
        for (state, count) in [("busy", self.busy_workers), ("idle", idle), ("stalled", self.stalled_workers)] {
            jobs.workers.get_or_create_owned(&[("state", state)]).set(count_of(count));
        }
        jobs.waiters.set(count_of(self.waiters));
    }
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn count_of(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
