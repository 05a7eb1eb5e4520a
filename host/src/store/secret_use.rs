//! Which secrets were used today, so that a server writes that down once a day and not with each request.

use std::collections::HashSet;

use parking_lot::Mutex;

use crate::domain::Timestamp;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The secrets whose use on the present day this server has tried to write down. A tenant has few live secrets.
#[derive(Debug, Default)]
pub(super) struct SecretUse(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// The beginning of the day, in microseconds since 1970.
    today: i64,
    secrets: HashSet<[u8; 32]>,
}

impl SecretUse {
    /// Calls `write` with the beginning of the day if the use of a secret is to be written down. `used_at` is what the store has.
    /// `write` returns `None` if the store had no time for it; then a later request tries again, otherwise none does.
    pub(super) fn note<T>(
        &self,
        now: Timestamp,
        used_at: Timestamp,
        hash: &[u8; 32],
        write: impl FnOnce(Timestamp) -> Option<T>,
    ) {
        let today = now.0 - now.0.rem_euclid(DAY);
        if used_at.0 >= today || !self.begin(today, hash) {
            return;
        }
        if write(Timestamp(today)).is_none() {
            self.0.lock().secrets.remove(hash);
        }
    }

    fn begin(&self, today: i64, hash: &[u8; 32]) -> bool {
        let mut noted = self.0.lock();
        if noted.today != today {
            *noted = Noted { today, secrets: HashSet::new() };
        }
        noted.secrets.insert(*hash)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{DAY, SecretUse};
    use crate::domain::Timestamp;

    #[test]
    fn a_use_is_noted_once_a_day() {
        let (used, noted) = (SecretUse::default(), RefCell::new(Vec::new()));
        let note = |day: i64, used_at: i64, has_time: bool| {
            let now = Timestamp(day * DAY + DAY / 2);
            used.note(now, Timestamp(used_at * DAY), &[1; 32], |today| {
                noted.borrow_mut().push(today.0 / DAY);
                has_time.then_some(())
            });
        };
        note(20_000, 0, false);
        note(20_000, 0, true);
        note(20_000, 0, true);
        note(20_001, 20_001, true);
        note(20_001, 20_000, true);
        assert_eq!(*noted.borrow(), [20_000, 20_000, 20_001]);
    }
}
