//! Tests run beside each other; those that measure time must not. A server takes a turn when it starts and gives it back
//! when it is dropped.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

#[derive(Default)]
struct State {
    shared: usize,
    alone: bool,
    waiting_to_be_alone: usize,
}

static STATE: Mutex<State> = Mutex::new(State { shared: 0, alone: false, waiting_to_be_alone: 0 });
static CHANGED: Condvar = Condvar::new();

/// The right to have a server. A test must not ask for a second while it has one.
pub(crate) struct Turn {
    alone: bool,
}

impl Turn {
    pub(crate) fn take(alone: bool) -> Self {
        let mut state = lock();
        if alone {
            state.waiting_to_be_alone += 1;
            while state.alone || state.shared > 0 {
                state = wait(state);
            }
            state.waiting_to_be_alone -= 1;
            state.alone = true;
        } else {
            while state.alone || state.waiting_to_be_alone > 0 {
                state = wait(state);
            }
            state.shared += 1;
        }
        Self { alone }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = lock();
        if self.alone {
            state.alone = false;
        } else {
            state.shared -= 1;
        }
        CHANGED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(state: MutexGuard<'static, State>) -> MutexGuard<'static, State> {
    CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner)
}
