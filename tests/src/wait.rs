//! Waiting for something that nobody announces.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails. Far more than it should ever need, also on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Asks again and again until there is an answer.
///
/// # Panics
/// If there is none after [`DEADLINE`]; `what` says what was waited for.
pub fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "waited {} s in vain: {what}", DEADLINE.as_secs());
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
