//! The store.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::SHORT_TIMES;

/// The store.
pub struct StoreMetrics {
    pool_wait: Histogram,
    /// Seconds in which the store failed.
    pub outage_seconds: Counter<f64, AtomicU64>,
    /// Failures of the store that workers and maintenance tasks met.
    pub failures: Counter,
    pub(super) is_up: Gauge,
    pub(super) bytes: Family<KindLabels, Gauge>,
    pub(super) connections: Family<ConnectionLabels, Gauge>,
    pub(super) contacts: Gauge,
    pub(super) tenants: Gauge,
    pub(super) statistics_age: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindLabels {
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ConnectionLabels {
    pub(super) state: &'static str,
}

impl StoreMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            pool_wait: Histogram::new(SHORT_TIMES),
            outage_seconds: Counter::default(),
            failures: Counter::default(),
            is_up: Gauge::default(),
            bytes: Family::default(),
            connections: Family::default(),
            contacts: Gauge::default(),
            tenants: Gauge::default(),
            statistics_age: Gauge::default(),
        };
        registry.register_with_unit(
            "pool_wait",
            "Time that somebody waited for a connection to the store",
            Unit::Seconds,
            metrics.pool_wait.clone(),
        );
        registry.register_with_unit(
            "outage",
            "Time in which the store failed",
            Unit::Seconds,
            metrics.outage_seconds.clone(),
        );
        registry.register(
            "store_failures",
            "Failures of the store that workers and maintenance tasks met",
            metrics.failures.clone(),
        );
        registry.register(
            "store_up",
            "Whether the store answered when it was last asked for its statistics",
            metrics.is_up.clone(),
        );
        registry.register(
            "store_bytes",
            "Bytes of the store, by kind: what tenants store as their limits count it, the file, its write-ahead log, what is left on the disk",
            metrics.bytes.clone(),
        );
        registry.register(
            "pool_connections",
            "Connections of this server to the store, by state",
            metrics.connections.clone(),
        );
        registry.register("stored_contacts", "Contacts of all tenants", metrics.contacts.clone());
        registry.register("tenants", "Tenants of this installation", metrics.tenants.clone());
        registry.register(
            "statistics_age_seconds",
            "Age of what is told of the store's queue, contacts and bytes",
            metrics.statistics_age.clone(),
        );
        metrics
    }

    /// Counts a wait for a connection.
    pub fn waited_for_connection(&self, time: Duration) {
        self.pool_wait.observe(time.as_secs_f64());
    }
}
