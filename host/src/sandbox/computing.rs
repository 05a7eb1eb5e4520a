//! How long components compute on a thread for one request, and what the thread does when that is long.
//!
//! A request's components all run on one thread, so this belongs to the thread.

use std::cell::RefCell;
use std::time::Duration;

use super::priority;

/// Processor's time in a request's calls into components after which its thread has the lowest priority. Before that, a request that is
/// merely large would starve beside jobs of other tenants that have the usual priority.
const LOWEST_AFTER: Duration = Duration::from_secs(1);

thread_local! {
    static REQUEST: RefCell<Option<Request>> = const { RefCell::new(None) };
}

/// The request that a thread works on.
struct Request {
    /// Time in calls into components that have returned.
    computed: Duration,
    /// The processor's part of that time.
    processor: Duration,
    /// Time in calls into components after which the request is long.
    patience: Duration,
    /// What to do then; taken when it is done.
    when_long: Option<Box<dyn FnOnce()>>,
}

/// Runs `work`, which is a request. Once components have computed on this thread for `patience` in `work`, all calls into
/// components together, calls `when_long`. If that was time of the processor, and not of waiting for it, also reduces the thread's priority, for
/// good; after a second of it the thread has the lowest priority. Returns what `work` returned, and how long components computed.
pub fn lower_priority_after<T>(
    patience: Duration,
    when_long: impl FnOnce() + 'static,
    work: impl FnOnce() -> T,
) -> (T, Duration) {
    let request =
        Request { computed: Duration::ZERO, processor: Duration::ZERO, patience, when_long: Some(Box::new(when_long)) };
    REQUEST.set(Some(request));
    let result = work();
    let computed = REQUEST.take().map_or(Duration::ZERO, |request| request.computed);
    (result, computed)
}

/// Looks at a call into a component that has run for `elapsed` so far, `processor` of it on a processor.
pub(super) fn observe(elapsed: Duration, processor: Duration) {
    let observed = REQUEST.with_borrow_mut(|request| {
        let request = request.as_mut()?;
        let processor = request.processor + processor;
        let longest = processor.max(request.computed + elapsed);
        let when_long = if longest < request.patience { None } else { request.when_long.take() };
        Some((when_long, processor, request.patience))
    });
    let Some((when_long, processor, patience)) = observed else { return };
    // Before the priority is reduced: a thread that is started there has the priority of this one.
    if let Some(when_long) = when_long {
        when_long();
    }
    if processor >= patience {
        priority::reduce();
    }
    if processor >= LOWEST_AFTER {
        priority::lower();
    }
}

/// Counts a call into a component that has returned after `elapsed`, `processor` of it on a processor.
pub(super) fn count(elapsed: Duration, processor: Duration) {
    REQUEST.with_borrow_mut(|request| {
        if let Some(request) = request {
            request.computed += elapsed;
            request.processor += processor;
        }
    });
    observe(Duration::ZERO, Duration::ZERO);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::{count, lower_priority_after, observe};
    use crate::sandbox::has_lowered_priority;

    const TEN: Duration = Duration::from_millis(10);

    #[test]
    fn all_calls_of_a_request_count_together_and_it_becomes_long_once() {
        let test = || {
            let times = Arc::new(AtomicU32::new(0));
            let seen = Arc::clone(&times);
            let ((), computed) = lower_priority_after(
                TEN * 3,
                move || {
                    seen.fetch_add(1, Ordering::Relaxed);
                },
                || {
                    observe(TEN * 2, TEN * 2);
                    count(TEN * 2, TEN * 2);
                    assert!(!has_lowered_priority());
                    observe(TEN, TEN);
                    assert!(has_lowered_priority());
                    count(TEN, TEN);
                    observe(TEN * 9, TEN * 9);
                },
            );
            assert_eq!((computed, times.load(Ordering::Relaxed)), (TEN * 3, 1));
            // What runs outside a request counts for none.
            count(TEN, TEN);
            let ((), computed) = lower_priority_after(TEN, || (), || ());
            assert_eq!(computed, Duration::ZERO);
        };
        // On a thread of its own, because its priority is lowered.
        thread::spawn(test).join().unwrap();
    }

    #[test]
    fn a_request_that_waits_for_a_processor_becomes_long_and_keeps_its_priority() {
        let test = || {
            let times = Arc::new(AtomicU32::new(0));
            let seen = Arc::clone(&times);
            let when_long = move || {
                seen.fetch_add(1, Ordering::Relaxed);
            };
            lower_priority_after(TEN * 3, when_long, || {
                count(TEN * 500, TEN);
                observe(TEN * 500, TEN);
                assert!(!has_lowered_priority());
                observe(TEN * 500, TEN * 2);
                assert!(has_lowered_priority());
            });
            assert_eq!(times.load(Ordering::Relaxed), 1);
        };
        thread::spawn(test).join().unwrap();
    }
}
