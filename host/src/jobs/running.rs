//! The jobs that this process is working on, and how to stop them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::domain::{JobId, TenantId};
use crate::sandbox::Cancel;

/// One job's way to be stopped.
#[derive(Debug, Clone, Default)]
pub(super) struct Stopper {
    cancel: Cancel,
    raised_at: Arc<Mutex<Option<Instant>>>,
}

impl Stopper {
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// When the job was told to stop.
    pub(super) fn raised_at(&self) -> Option<Instant> {
        *lock(&self.raised_at)
    }

    fn raise(&self) {
        lock(&self.raised_at).get_or_insert_with(Instant::now);
        self.cancel.raise();
    }
}

/// All jobs this process is working on.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<HashMap<(TenantId, JobId), Stopper>>);

impl Running {
    /// Notes that a job runs, until the guard is dropped.
    pub(super) fn begin(&self, tenant: TenantId, job: JobId) -> RunningJob<'_> {
        let stopper = Stopper::default();
        lock(&self.0).insert((tenant, job), stopper.clone());
        RunningJob { running: self, key: (tenant, job), stopper }
    }

    /// Tells a job to stop. `false` if it is not running here.
    pub(super) fn stop(&self, tenant: TenantId, job: JobId) -> bool {
        let stopper = lock(&self.0).get(&(tenant, job)).cloned();
        stopper.inspect(Stopper::raise).is_some()
    }

    /// Whether any job runs.
    pub(super) fn is_any(&self) -> bool {
        !lock(&self.0).is_empty()
    }

    /// Tells all jobs to stop.
    pub(super) fn stop_all(&self) {
        lock(&self.0).values().for_each(Stopper::raise);
    }
}

/// A job that runs while this lives.
pub(super) struct RunningJob<'a> {
    running: &'a Running,
    key: (TenantId, JobId),
    pub(super) stopper: Stopper,
}

impl Drop for RunningJob<'_> {
    fn drop(&mut self) {
        lock(&self.running.0).remove(&self.key);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
