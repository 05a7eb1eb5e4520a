//! The store.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::SHORT_TIMES;
use super::registering::{GaugesBy, measured, registered};

/// The store.
pub struct StoreMetrics {
    pool_wait: Histogram,
    /// Seconds in which the store failed.
    pub outage_seconds: Counter<f64, AtomicU64>,
    /// Failures of the store that workers and maintenance tasks met.
    pub failures: Counter,
    pub(super) is_up: Gauge,
    pub(super) bytes: GaugesBy,
    pub(super) connections: GaugesBy,
    pub(super) contacts: Gauge,
    pub(super) tenants: Gauge,
    pub(super) statistics_age: Gauge<f64, AtomicU64>,
}

impl StoreMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        Self {
            pool_wait: measured(
                registry,
                "pool_wait",
                "Time that somebody waited for a connection to the store",
                Unit::Seconds,
                Histogram::new(SHORT_TIMES),
            ),
            outage_seconds: measured(
                registry,
                "outage",
                "Time in which the store failed",
                Unit::Seconds,
                Counter::default(),
            ),
            failures: registered(
                registry,
                "store_failures",
                "Failures of the store that workers and maintenance tasks met",
                Counter::default(),
            ),
            is_up: registered(
                registry,
                "store_up",
                "Whether the store answered when it was last asked for its statistics",
                Gauge::default(),
            ),
            bytes: registered(
                registry,
                "store_bytes",
                "Bytes of the store, by kind: what tenants store as their limits count it, the file, its write-ahead log, what is left on the disk",
                GaugesBy::default(),
            ),
            connections: registered(
                registry,
                "pool_connections",
                "Connections of this server to the store, by state",
                GaugesBy::default(),
            ),
            contacts: registered(registry, "stored_contacts", "Contacts of all tenants", Gauge::default()),
            tenants: registered(registry, "tenants", "Tenants of this installation", Gauge::default()),
            statistics_age: registered(
                registry,
                "statistics_age_seconds",
                "Age of what is told of the store's queue, contacts and bytes",
                Gauge::default(),
            ),
        }
    }

    /// Counts a wait for a connection.
    pub fn waited_for_connection(&self, time: Duration) {
        self.pool_wait.observe(time.as_secs_f64());
    }
}
