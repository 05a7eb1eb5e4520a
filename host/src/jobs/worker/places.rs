//! The places for jobs, which leave a worker for a tenant that used little time lately.
//!
//! There are as many places as workers in the settings. Every job takes one, if one is free. Without one, only a tenant that used
//! little time lately and runs no other job on this server gets a worker: one of those that stand in for workers whose components
//! compute for long. No tenant runs more jobs than there are places. Thus neither many tenants with slow components nor one
//! tenant with many slow jobs take all workers.

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
}

impl Places {
    /// Makes a number of free places.
    pub(super) fn new(places: usize) -> Self {
        Self { places, taken: Mutex::default() }
    }

    /// Lets a job of a tenant run until the guard is dropped: in a place, or, unless the job `needs_place`, as the tenant's only
    /// job. Returns `None` if it may not run now. There is one more place for each of the `stalled` workers, since a place that
    /// such a worker took may be lost.
    pub(super) fn begin(&self, tenant: TenantId, needs_place: bool, stalled: usize) -> Option<Place<'_>> {
        let places = self.places.saturating_add(stalled);
        let mut taken = self.taken.lock();
        let jobs = taken.jobs.get(&tenant).copied().unwrap_or_default();
        let has_place = taken.places < places;
        let may_run = if has_place { jobs < places } else { jobs == 0 && !needs_place };
        if !may_run {
            return None;
        }
        taken.places += usize::from(has_place);
        taken.jobs.insert(tenant, jobs + 1);
        Some(Place { places: self, tenant, has_place })
    }

    /// Returns whether a place is free.
    pub(super) fn has_free(&self, stalled: usize) -> bool {
        self.taken.lock().places < self.places.saturating_add(stalled)
    }

    /// Returns the tenants that run a job.
    pub(super) fn busy_tenants(&self) -> Vec<TenantId> {
        self.taken.lock().jobs.keys().copied().collect()
    }

    /// Returns the tenants that run as many jobs as there are places.
    pub(super) fn full_tenants(&self, stalled: usize) -> Vec<TenantId> {
        let places = self.places.saturating_add(stalled);
        self.taken.lock().jobs.iter().filter(|(_, jobs)| **jobs >= places).map(|(tenant, _)| *tenant).collect()
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

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::domain::TenantId;

    const ONE: TenantId = TenantId(1);
    const OTHER: TenantId = TenantId(2);
    const THIRD: TenantId = TenantId(3);

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
    fn without_a_place_each_tenant_runs_one_job() {
        let places = Places::new(2);
        let of_one = [places.begin(ONE, false, 0), places.begin(ONE, false, 0)];
        assert!(of_one.iter().all(Option::is_some));
        assert!(places.begin(ONE, false, 0).is_none() && places.full_tenants(0) == [ONE]);
        let of_other = places.begin(OTHER, false, 0);
        assert!(of_other.is_some() && places.begin(OTHER, false, 0).is_none());
        assert!(places.begin(THIRD, true, 0).is_none() && places.begin(THIRD, false, 0).is_some());
        drop(of_one);
        let more_of_other = places.begin(OTHER, false, 0);
        assert!(more_of_other.is_some());
        assert!(places.has_free(0) && places.begin(OTHER, false, 0).is_none(), "it runs as many as there are places");
        assert_eq!(places.full_tenants(0), [OTHER]);
    }
}
