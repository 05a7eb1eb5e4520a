//! Polling.

use std::thread;
use std::time::{Duration, Instant};

/// Timeout of everything that a test waits for. Far longer than needed, also on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Calls `ask` until it returns something.
///
/// # Panics
/// If it returns nothing within [`DEADLINE`]; the message names `what`.
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
