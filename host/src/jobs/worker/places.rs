//! The places for jobs, which leave a worker for the first job of every tenant.
//!
//! There are as many places as workers in the settings:
//!
//! - The first job of a tenant that used little time lately needs no place. Without a free worker it gets one of those that stand
//!   in for workers whose components compute for long.
//! - The first job of another tenant needs a place.
//! - A further job of a tenant takes no place. It runs only while fewer jobs run than there are places.
//!
//! Thus neither as many tenants with slow components as there are workers nor one tenant with many slow jobs keep the first job of a
//! neighbour waiting.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::domain::TenantId;

/// Places for running jobs.
#[derive(Debug)]
pub(super) struct Places {
    places: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    places: usize,
    /// Jobs of each tenant that run, with a place or without.
    jobs: HashMap<TenantId, usize>,
    /// Partners that decide a batch.
    partners: usize,
}

impl Taken {
    fn all_jobs(&self) -> usize {
        self.jobs.values().sum()
    }
}

impl Places {
    /// Makes a number of free places.
    pub(super) fn new(places: usize) -> Self {
        Self { places, taken: Mutex::default() }
    }

    /// Lets a job of a tenant run until the guard is dropped. Only the tenant's first job takes a place, if it `needs_place`.
    /// Returns `None` if it may not run now. There is one more place for each of the `stalled` workers, since a place that such
    /// a worker took may be lost.
    pub(super) fn begin(&self, tenant: TenantId, needs_place: bool, stalled: usize) -> Option<Place<'_>> {
        let places = self.places.saturating_add(stalled);
        let mut taken = self.taken.lock();
        let jobs = taken.jobs.get(&tenant).copied().unwrap_or_default();
        let (has_place, may_run) = match jobs {
            0 => (needs_place, !needs_place || taken.places < places),
            _ => (false, taken.all_jobs() < places),
        };
        if !may_run {
            return None;
        }
        taken.places += usize::from(has_place);
        taken.jobs.insert(tenant, jobs + 1);
        Some(Place { places: self, tenant, has_place })
    }

    /// Lets a partner of a running job decide a batch until the guard is dropped, in place of an idle worker. Returns `None` if no
    /// worker is idle. Jobs that begin do not wait for partners.
    pub(super) fn begin_partner(&self) -> Option<PartnerPlace<'_>> {
        let mut taken = self.taken.lock();
        if taken.all_jobs() + taken.partners >= self.places {
            return None;
        }
        taken.partners += 1;
        Some(PartnerPlace(self))
    }

    /// Returns whether a place is free.
    pub(super) fn has_free(&self, stalled: usize) -> bool {
        self.taken.lock().places < self.places.saturating_add(stalled)
    }

    /// Returns the tenants that run a job.
    pub(super) fn busy_tenants(&self) -> Vec<TenantId> {
        self.taken.lock().jobs.keys().copied().collect()
    }

    /// Returns whether a tenant that runs a job may run a further one.
    pub(super) fn has_room_for_further(&self, stalled: usize) -> bool {
        self.taken.lock().all_jobs() < self.places.saturating_add(stalled)
    }
}

/// The right to run a job.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    tenant: TenantId,
    has_place: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.places = taken.places.saturating_sub(usize::from(self.has_place));
        match taken.jobs.get_mut(&self.tenant) {
            Some(jobs) if *jobs > 1 => *jobs -= 1,
            _ => drop(taken.jobs.remove(&self.tenant)),
        }
    }
}

/// The right of a partner to decide a batch.
#[derive(Debug)]
pub(super) struct PartnerPlace<'a>(&'a Places);

impl Drop for PartnerPlace<'_> {
    fn drop(&mut self) {
        let mut taken = self.0.taken.lock();
        taken.partners = taken.partners.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::domain::TenantId;

    const ONE: TenantId = TenantId(1);
    const OTHER: TenantId = TenantId(2);
    const THIRD: TenantId = TenantId(3);
    const FOURTH: TenantId = TenantId(4);

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::new(1);
        let place = places.begin(ONE, true, 0);
        assert!(place.is_some() && places.begin(OTHER, true, 0).is_none() && !places.has_free(0));
        assert!(places.begin(OTHER, true, 0).is_none(), "a refusal frees no place");
        assert!(places.begin(OTHER, true, 1).is_some(), "the first place may be lost");
        drop(place);
        assert!(places.begin(OTHER, true, 0).is_some());
        assert!(places.busy_tenants().is_empty());
    }

    #[test]
    fn partners_work_only_in_place_of_idle_workers() {
        let places = Places::new(3);
        let job = places.begin(ONE, false, 0);
        let partners = [places.begin_partner(), places.begin_partner()];
        assert!(partners.iter().all(Option::is_some) && places.begin_partner().is_none());
        let of_others = [places.begin(OTHER, true, 0), places.begin(THIRD, true, 0), places.begin(ONE, true, 0)];
        assert_eq!(of_others.map(|place| place.is_some()), [true, true, false], "no job waits for a partner");
        drop(partners);
        assert!(places.begin_partner().is_some());
        drop(job);
    }

    #[test]
    fn first_jobs_of_light_tenants_take_no_place() {
        let places = Places::new(1);
        let light = [places.begin(ONE, false, 0), places.begin(OTHER, false, 0)];
        assert!(light.iter().all(Option::is_some) && places.has_free(0));
        let heavy = places.begin(THIRD, true, 0);
        assert!(heavy.is_some() && !places.has_free(0));
    }

    #[test]
    fn further_jobs_run_while_fewer_jobs_run_than_there_are_places() {
        let places = Places::new(2);
        let first = places.begin(ONE, false, 0);
        assert!(first.is_some() && places.has_room_for_further(0));
        let further = places.begin(ONE, true, 0);
        assert!(further.is_some() && !places.has_room_for_further(0));
        assert!(places.begin(ONE, false, 0).is_none() && places.begin(ONE, true, 0).is_none());
        assert!(places.begin(ONE, true, 1).is_some(), "a place may be lost");
        let of_others = [places.begin(OTHER, true, 0), places.begin(THIRD, true, 0)];
        assert!(of_others.iter().all(Option::is_some), "further jobs take no places from first ones");
        assert!(places.begin(FOURTH, true, 0).is_none() && places.begin(FOURTH, false, 0).is_some());
        drop((first, further, of_others));
        assert!(places.begin(OTHER, true, 0).is_some());
    }
}
