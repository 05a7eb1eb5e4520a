//! The clock that interrupts guests. An OS thread, since a task could starve behind the guests it is to interrupt; one
//! for the engine, since each tick is everybody's.

use std::io;
use std::thread;
use std::time::Duration;

use wasmtime::EngineWeak;

/// How often guests look up: the most that a deadline or a cancel is late.
pub(super) const PERIOD: Duration = Duration::from_millis(5);

/// Starts the ticker. It ends with the engine.
pub(super) fn start(engine: EngineWeak) -> io::Result<()> {
    thread::Builder::new().name(String::from("ticker")).spawn(move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(PERIOD);
        }
    })?;
    Ok(())
}
