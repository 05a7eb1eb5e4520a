//! Components: how long they compute, how they fail, what they take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::SHORT_TIMES;
use super::registering::{Counters, Histograms, counted, measured, registered};

/// Bounds in bytes: from 64 KiB, one page, to 4 GiB.
const MEMORY: [f64; 9] = [
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
    4_294_967_296.0,
];
/// Bounds in seconds for compiling.
const COMPILE_TIMES: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Components.
pub struct GuestMetrics {
    calls: Histograms,
    memory: Histogram,
    failures: Counters<1>,
    /// The sum of `failures`.
    all_failures: AtomicU64,
    compile: Histogram,
    cache: Counters<1>,
    /// Components that were suspended for a tenant.
    pub suspended: Counter,
    /// Instances that exist.
    pub instances: Gauge,
}

/// What a component is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuestCall {
    /// To start.
    Start,
    /// Anything else.
    Call,
}

impl GuestCall {
    fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Call => "call",
        }
    }
}

/// Whether compiled code was on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheResult {
    /// It was.
    Hit,
    /// It had to be compiled.
    Miss,
}

impl CacheResult {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }
}

impl GuestMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let calls = Family::new_with_constructor((|| Histogram::new(SHORT_TIMES)) as fn() -> Histogram);
        Self {
            calls: measured(registry, "guest", "Time of calls into components, failed ones too", Unit::Seconds, calls),
            memory: measured(
                registry,
                "guest_memory",
                "The most memory that an instance had, when it ended",
                Unit::Bytes,
                Histogram::new(MEMORY),
            ),
            failures: registered(
                registry,
                "guest_failures",
                "Failed calls into components, by type",
                Counters::default(),
            ),
            all_failures: AtomicU64::new(0),
            compile: measured(
                registry,
                "component_compile",
                "Time to compile a component",
                Unit::Seconds,
                Histogram::new(COMPILE_TIMES),
            ),
            cache: counted(
                registry,
                "component_cache",
                "Look-ups of compiled code on disk, by result",
                "result",
                [CacheResult::Hit, CacheResult::Miss].map(CacheResult::as_str),
            ),
            suspended: registered(
                registry,
                "components_suspended",
                "Components that were suspended for a tenant because they kept failing",
                Counter::default(),
            ),
            instances: registered(registry, "guest_instances", "Instances of components that exist", Gauge::default()),
        }
    }

    /// Counts a call.
    pub fn called(&self, call: GuestCall, time: Duration) {
        self.calls.get_or_create_owned(&[("call", call.as_str())]).observe(time.as_secs_f64());
    }

    /// Counts the end of an instance that had so many bytes of memory.
    pub fn ended(&self, memory: usize) {
        self.memory.observe(f64::from(u32::try_from(memory).unwrap_or(u32::MAX)));
    }

    /// Counts failures of these types from 0.
    pub fn expect_failures(&self, types: impl IntoIterator<Item = &'static str>) {
        for r#type in types {
            self.failures.get_or_create_owned(&[("type", r#type)]);
        }
    }

    /// Counts a failed call by its type.
    pub fn failed(&self, r#type: &'static str) {
        self.failures.get_or_create_owned(&[("type", r#type)]).inc();
        self.all_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many calls failed since the server began, of all types.
    pub fn failed_so_far(&self) -> u64 {
        self.all_failures.load(Ordering::Relaxed)
    }

    /// Counts a compilation.
    pub fn compiled(&self, time: Duration) {
        self.compile.observe(time.as_secs_f64());
    }

    /// Counts a look-up of compiled code.
    pub fn looked_up(&self, result: CacheResult) {
        self.cache.get_or_create_owned(&[("result", result.as_str())]).inc();
    }
}
