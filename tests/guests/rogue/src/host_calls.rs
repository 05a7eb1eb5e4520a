//! Calls to the host's clocks and random numbers.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};
use wasip2::clocks::monotonic_clock;
use wasip2::random::random;

use crate::bindings::exports::bulkhead::contacts::batch::Write;
use crate::harm;

pub(crate) fn random_bytes(count: u64) -> Vec<u8> {
    random::get_random_bytes(count)
}

pub(crate) fn ask_random_endlessly() -> ! {
    loop {
        drop(std::hint::black_box(random_bytes(4 << 10)));
    }
}

/// Returns the wall clock in seconds since 1970, the monotonic clock in nanoseconds, and the nanoseconds that a computation
/// took by that clock.
pub(crate) fn clocks() -> Value {
    let start = Instant::now();
    harm::compute(harm::SLOW);
    let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({"wall": wall, "monotonic": monotonic_clock::now(), "took": took})
}

/// Adds a member to the document of a write.
pub(crate) fn add_member(write: &mut Write, name: &str, value: Value) {
    let mut document: Map<String, Value> = serde_json::from_str(&write.document).unwrap_or_default();
    document.insert(name.to_owned(), value);
    write.document = Value::from(document).to_string();
}
