//! The process, as Prometheus' client libraries name it. Read from `/proc` when somebody asks.

use std::fs;
use std::sync::atomic::AtomicU64;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::registering::registered;

/// The process.
pub struct ProcessMetrics {
    cpu: Counter<f64, AtomicU64>,
    resident: Gauge,
    open_files: Gauge,
    max_files: Gauge,
    threads: Gauge,
}

impl ProcessMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let started: Gauge<f64, AtomicU64> = Gauge::default();
        started.set(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
        registry.register("process_start_time_seconds", "When the process began, in seconds since 1970", started);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("bulkhead_build", "The version of this server", version);
        Self {
            cpu: registered(
                registry,
                "process_cpu_seconds",
                "Processor time of the process, user and system",
                Counter::default(),
            ),
            resident: registered(
                registry,
                "process_resident_memory_bytes",
                "Resident memory of the process",
                Gauge::default(),
            ),
            open_files: registered(
                registry,
                "process_open_fds",
                "Open file descriptors of the process",
                Gauge::default(),
            ),
            max_files: registered(
                registry,
                "process_max_fds",
                "File descriptors that the process may have open",
                Gauge::default(),
            ),
            threads: registered(registry, "process_threads", "Threads of the process", Gauge::default()),
        }
    }

    /// Reads the present values. What the system does not tell stays as it is.
    pub(super) fn read(&self) {
        let numbers = |path: &str| fs::read_to_string(path).ok();
        if let Some(stat) = numbers("/proc/self/stat") {
            // Behind the name, which may have blanks: state is the first, so utime is the twelfth.
            let rest: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
            let number = |index: usize| rest.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
            let ticks = rustix::param::clock_ticks_per_second().max(1);
            let seconds = (number(11) + number(12)) as f64 / ticks as f64;
            self.cpu.inner().store(seconds.to_bits(), std::sync::atomic::Ordering::Relaxed);
            self.threads.set(i64::try_from(number(17)).unwrap_or(0));
            let pages = number(21).saturating_mul(rustix::param::page_size() as u64);
            self.resident.set(i64::try_from(pages).unwrap_or(i64::MAX));
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            self.open_files.set(i64::try_from(files.count()).unwrap_or(0));
        }
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        self.max_files.set(limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX)));
    }
}
