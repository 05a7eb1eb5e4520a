//! The clock that interrupts guests. It is an OS thread, because a task could starve behind the guests that it is to
//! interrupt. One thread serves the whole engine, because its epoch counts for all guests.

use std::io;
use std::thread;
use std::time::Duration;

use wasmtime::EngineWeak;

/// Time between two checks of a running guest: a deadline or a cancel flag takes effect at most this late.
const TICK_INTERVAL: Duration = Duration::from_millis(5);

/// Starts the ticker. It ends with the engine.
pub(super) fn start(engine: EngineWeak) -> io::Result<()> {
    thread::Builder::new().name(String::from("ticker")).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK_INTERVAL);
        }
    })?;
    Ok(())
}
