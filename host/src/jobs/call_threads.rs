//! The threads of calls.
//!
//! Calls have threads of their own, and not those of tokio's blocking pool, because a thread whose component computes for long
//! lowers its priority, for good. Such a thread ends after its call, and another takes its place.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::sandbox::has_lowered_priority;

/// How long a thread waits for its next call before it ends.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

/// Starts a thread when none is idle. How many there are is bounded by how many calls may run.
#[derive(Default)]
pub(super) struct CallThreads(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Notified when there is work, or a thread has done its work.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Work for idle threads.
    queue: VecDeque<Work>,
    idle: usize,
    busy: usize,
}

impl CallThreads {
    /// Runs `work` on a thread. Must not be called on a thread whose priority is lowered, because a new thread inherits it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let work: Work = Box::new(work);
        let mut state = self.0.state.lock();
        state.busy += 1;
        if state.queue.len() < state.idle {
            state.queue.push_back(work);
            drop(state);
            self.0.changed.notify_all();
            return Ok(());
        }
        drop(state);
        let shared = Arc::clone(&self.0);
        let thread = thread::Builder::new().name(String::from("call")).spawn(move || shared.work(work));
        if thread.is_err() {
            self.0.state.lock().busy -= 1;
        }
        thread.map(drop)
    }

    /// Waits until no call runs, for at most `timeout`.
    pub(super) fn wait_until_idle(&self, timeout: Duration) {
        let mut state = self.0.state.lock();
        self.0.changed.wait_while_for(&mut state, |state| state.busy > 0, timeout);
    }
}

impl Shared {
    /// Does `work`, and then what comes, until nothing comes for some time or the thread's priority is lowered.
    fn work(&self, work: Work) {
        let mut next = Some(work);
        while let Some(work) = next {
            // The one who waits for the answer learns of a panic, because the answer's sender is dropped.
            drop(catch_unwind(AssertUnwindSafe(work)));
            let mut state = self.state.lock();
            state.busy -= 1;
            self.changed.notify_all();
            if has_lowered_priority() {
                return;
            }
            state.idle += 1;
            self.changed.wait_while_for(&mut state, |state| state.queue.is_empty(), IDLE_TIMEOUT);
            state.idle -= 1;
            next = state.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::CallThreads;

    const LONG: Duration = Duration::from_secs(60);

    /// Runs `work` and returns the thread that it ran on, once the thread is idle or has ended.
    fn thread_of(threads: &CallThreads, work: impl FnOnce() + Send + 'static) -> thread::ThreadId {
        let (sender, thread) = mpsc::channel();
        threads
            .run(move || {
                sender.send(thread::current().id()).unwrap();
                work();
            })
            .unwrap();
        let thread = thread.recv().unwrap();
        threads.wait_until_idle(LONG);
        thread
    }

    #[test]
    fn an_idle_thread_is_used_again_even_after_a_panic() {
        let threads = CallThreads::default();
        let first = thread_of(&threads, || panic!("a bug"));
        while threads.0.state.lock().idle == 0 {
            thread::yield_now();
        }
        assert_eq!(thread_of(&threads, || ()), first);
    }

    #[test]
    fn work_that_comes_at_once_runs_at_once() {
        let threads = CallThreads::default();
        let (sender, arrivals) = mpsc::channel();
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(4));
        for _ in 0..4 {
            let (sender, barrier) = (sender.clone(), std::sync::Arc::clone(&barrier));
            threads
                .run(move || {
                    barrier.wait();
                    sender.send(()).unwrap();
                })
                .unwrap();
        }
        drop(sender);
        assert_eq!(arrivals.iter().count(), 4);
    }
}
