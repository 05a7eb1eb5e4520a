//! What is to be done when: each thing once, and what is due first is found at once.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// When each of some things is due.
#[derive(Debug)]
pub(super) struct Schedule<K> {
    by_key: HashMap<K, Instant>,
    by_time: BTreeSet<(Instant, K)>,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Self { by_key: HashMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Copy + Eq + Hash + Ord> Schedule<K> {
    /// Sets when a thing is due, whenever it was due before.
    pub(super) fn set(&mut self, key: K, due: Instant) {
        if let Some(before) = self.by_key.insert(key, due) {
            self.by_time.remove(&(before, key));
        }
        self.by_time.insert((due, key));
    }

    /// Sets when a thing is due, unless it is due earlier already. Returns whether it was set.
    pub(super) fn set_sooner(&mut self, key: K, due: Instant) -> bool {
        let is_sooner = self.by_key.get(&key).is_none_or(|before| due < *before);
        if is_sooner {
            self.set(key, due);
        }
        is_sooner
    }

    /// Removes a thing.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some(due) = self.by_key.remove(key) {
            self.by_time.remove(&(due, *key));
        }
    }

    /// Returns when the first thing is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(due, _)| *due)
    }

    /// Removes what is due by `now`, at most so many things, and returns it in the order in which it was due.
    pub(super) fn take_due(&mut self, now: Instant, max: usize) -> Vec<K> {
        let mut taken = Vec::new();
        while taken.len() < max
            && let Some((due, key)) = self.by_time.first().copied()
            && due <= now
        {
            self.remove(&key);
            taken.push(key);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Schedule;

    #[test]
    fn what_is_due_is_taken_once_and_in_order() {
        let (mut schedule, now) = (Schedule::default(), Instant::now());
        let at = |seconds| now + Duration::from_secs(seconds);
        schedule.set('a', at(3));
        schedule.set('b', at(2));
        assert!(schedule.set_sooner('c', at(9)) && schedule.set_sooner('c', at(1)));
        assert!(!schedule.set_sooner('c', at(1)) && !schedule.set_sooner('c', at(5)));
        schedule.set('d', at(1));
        schedule.set('d', at(4));
        assert_eq!(schedule.next(), Some(at(1)));
        assert!(schedule.take_due(now, 9).is_empty());
        assert_eq!(schedule.take_due(at(3), 2), ['c', 'b']);
        assert_eq!(schedule.take_due(at(3), 2), ['a']);
        schedule.remove(&'d');
        schedule.remove(&'x');
        assert_eq!((schedule.next(), schedule.take_due(at(9), 9)), (None, Vec::new()));
    }
}
