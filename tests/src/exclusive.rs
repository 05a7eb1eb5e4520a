//! Tests run in parallel, except those that measure time. A server takes a turn when it starts and gives it back when it is
//! dropped.

use parking_lot::{Condvar, Mutex, MutexGuard};

#[derive(Default)]
struct State {
    shared: usize,
    is_exclusive: bool,
    waiting_for_exclusive: usize,
}

static STATE: Mutex<State> = Mutex::new(State { shared: 0, is_exclusive: false, waiting_for_exclusive: 0 });
static CHANGED: Condvar = Condvar::new();

/// The right to have a server. A test that asks for a second one while it has one can wait forever.
pub(crate) struct Turn {
    is_exclusive: bool,
}

impl Turn {
    /// Waits until no server runs, or until no exclusive one runs or waits.
    pub(crate) fn take(is_exclusive: bool) -> Self {
        let mut state = STATE.lock();
        if is_exclusive {
            state.waiting_for_exclusive += 1;
            wait_while(&mut state, |state| state.is_exclusive || state.shared > 0);
            state.waiting_for_exclusive -= 1;
            state.is_exclusive = true;
        } else {
            wait_while(&mut state, |state| state.is_exclusive || state.waiting_for_exclusive > 0);
            state.shared += 1;
        }
        Self { is_exclusive }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = STATE.lock();
        if self.is_exclusive {
            state.is_exclusive = false;
        } else {
            state.shared -= 1;
        }
        CHANGED.notify_all();
    }
}

fn wait_while(state: &mut MutexGuard<'_, State>, condition: impl Fn(&State) -> bool) {
    CHANGED.wait_while(state, |state| condition(state));
}
