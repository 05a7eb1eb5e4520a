//! The places for jobs of tenants that used much time lately.
//!
//! There are as many as workers in the settings. Further workers, which stand in for those whose components compute for long,
//! have no place, so they take only jobs of tenants that used little. Thus however many tenants have slow components, a tenant
//! that used little finds a worker.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Places for running jobs.
#[derive(Debug)]
pub(super) struct Places {
    places: usize,
    taken: AtomicUsize,
}

impl Places {
    /// Makes a number of free places.
    pub(super) fn new(places: usize) -> Self {
        Self { places, taken: AtomicUsize::new(0) }
    }

    /// Takes a place, if one is free, until the guard is dropped. There is one more place for each of the `stalled` workers,
    /// since a place that such a worker took may be lost.
    pub(super) fn take(&self, stalled: usize) -> Option<Place<'_>> {
        let places = self.places.saturating_add(stalled);
        let add = |taken| (taken < places).then_some(taken + 1);
        let taken = self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        // Lazily: a place that was made and not taken would give one back when it is dropped.
        taken.is_ok().then(|| Place(self))
    }
}

/// A place that is taken.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Places);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::new(1);
        let place = places.take(0);
        assert!(place.is_some() && places.take(0).is_none());
        assert!(places.take(0).is_none(), "a refusal frees no place");
        assert!(places.take(1).is_some(), "the first place may be lost");
        drop(place);
        assert!(places.take(0).is_some());
    }
}
