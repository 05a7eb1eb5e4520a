//! The places for jobs, which leave a worker for a tenant that used little time lately.
//!
//! There are as many places as workers in the settings. A job of a tenant that used much time lately needs a place, and so does
//! each job of a tenant but the first one that it runs on this server. Further workers, which stand in for those whose
//! components compute for long, therefore take only first jobs of tenants that used little. Thus neither many tenants with
//! slow components nor one tenant with many slow jobs take all workers.

use std::collections::HashSet;

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
    /// The tenants that run a job without a place.
    first_jobs: HashSet<TenantId>,
}

impl Places {
    /// Makes a number of free places.
    pub(super) fn new(places: usize) -> Self {
        Self { places, taken: Mutex::default() }
    }

    /// Takes a place, if one is free, until the guard is dropped. There is one more place for each of the `stalled` workers,
    /// since a place that such a worker took may be lost.
    pub(super) fn take(&self, stalled: usize) -> Option<Place<'_>> {
        let mut taken = self.taken.lock();
        if taken.places >= self.places.saturating_add(stalled) {
            return None;
        }
        taken.places += 1;
        Some(Place { places: self, first_job_of: None })
    }

    /// Lets a tenant's first job run without a place until the guard is dropped. Returns `None` if the tenant runs one already.
    pub(super) fn begin_first_job(&self, tenant: TenantId) -> Option<Place<'_>> {
        let is_first = self.taken.lock().first_jobs.insert(tenant);
        // Lazily: a guard that was made and not returned would end the other job's right when it is dropped.
        is_first.then(|| Place { places: self, first_job_of: Some(tenant) })
    }

    /// Returns the tenants that run a job without a place.
    pub(super) fn tenants_with_first_jobs(&self) -> Vec<TenantId> {
        self.taken.lock().first_jobs.iter().copied().collect()
    }
}

/// The right to run a job: a place, or being the first job of a tenant.
#[derive(Debug)]
pub(super) struct Place<'a> {
    places: &'a Places,
    first_job_of: Option<TenantId>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        match &self.first_job_of {
            Some(tenant) => drop(taken.first_jobs.remove(tenant)),
            None => taken.places = taken.places.saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::domain::TenantId;

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

    #[test]
    fn the_first_job_of_each_tenant_needs_no_place() {
        let places = Places::new(0);
        let first = places.begin_first_job(TenantId(1));
        assert!(first.is_some() && places.begin_first_job(TenantId(1)).is_none());
        assert!(places.begin_first_job(TenantId(1)).is_none(), "a refusal does not end the first job's right");
        assert!(places.begin_first_job(TenantId(2)).is_some());
        assert_eq!(places.tenants_with_first_jobs(), [TenantId(1)]);
        drop(first);
        assert!(places.begin_first_job(TenantId(1)).is_some());
    }
}
