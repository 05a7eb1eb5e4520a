//! Who waits for which job, and what they are told.
//!
//! One task of a server reads the jobs that may have changed, all in one query, and publishes what it read to whoever waits for
//! them. So a waiter costs a receiver, and neither a thread nor a query nor a connection to the database.
//!
//! A job may have changed when a worker or a request of this server says so, or another server by a [hint](JobHint). What nobody
//! says is found by reading each job from time to time: the job expired, another process changed it, or a hint was lost.
//!
//! Servers tell each other only what one of them waits for: see [`elsewhere`].

mod elsewhere;
mod schedule;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::watch;

use self::elsewhere::Elsewhere;
use self::schedule::Schedule;
use crate::domain::{Job, JobId, TenantId};
use crate::jobs::wakeup::Wakeup;
use crate::store::{CommitOutcome, JobHint, Store, StoreError};

/// A job among those of all tenants.
type JobKey = (TenantId, JobId);

/// The least time between two publications of a job that goes on, while [`WAITERS_AT_FULL_PACE`] wait at most.
const PACE: Duration = Duration::from_millis(250);
/// Waiters above which all are told less often, so that telling them costs no more: each is some system calls.
const WAITERS_AT_FULL_PACE: usize = 1_000;
/// Time for which further changes of a job may follow before the job is read. Small jobs are claimed and completed within it.
const SETTLING_TIME: Duration = Duration::from_millis(20);
/// Time after which a job is read although nobody said that it changed.
const NET_INTERVAL: Duration = Duration::from_secs(1);
/// Jobs that are read in one query, and each second without a reason.
const MAX_READ: usize = 1_000;
/// Time from a hint that a job is watched until the job is read: it may have changed before other servers had the hint.
const HINT_TIME: Duration = Duration::from_millis(100);
/// Time after which a server says again that it watches a job.
const HINT_INTERVAL: Duration = Duration::from_secs(20);
/// The least time between two announcements of jobs that are watched here.
const ANNOUNCEMENT_PAUSE: Duration = Duration::from_millis(50);
/// The pause between two queries, in which changes gather.
const READ_PAUSE: Duration = Duration::from_millis(5);
/// The pause after a query that failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// The longest time for which the task waits while there is nothing to do.
const IDLE_TIME: Duration = Duration::from_secs(60);

/// What whoever waits for a job is told.
#[derive(Debug, Clone)]
pub enum JobNews {
    /// The job as it is now.
    Job(Arc<Job>),
    /// The job was deleted or has expired.
    Gone,
}

/// Whether a job goes on after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobChange {
    /// The job was claimed, or some of its items have rows now.
    Progress,
    /// The job was completed, cancelled or deleted.
    End,
}

/// The jobs for which somebody waits.
#[derive(Debug, Default)]
pub(super) struct JobWatcher {
    table: Mutex<Table>,
    /// Notified when the task has something to do earlier than it knew.
    wakeup: Wakeup,
    /// Jobs for which somebody waits, here or at another server. While there are none, a change costs nothing.
    interest: AtomicUsize,
}

#[derive(Debug, Default)]
struct Table {
    /// Whether all waits were ended, because the server stops.
    is_ended: bool,
    watched: HashMap<JobKey, Watched>,
    /// When which job is to be read.
    schedule: Schedule<JobKey>,
    waiters: usize,
    elsewhere: Elsewhere,
    /// Jobs of which other servers are to hear that they are watched here.
    to_announce: Vec<JobKey>,
    /// When they can be told.
    may_announce_at: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    news: watch::Sender<Option<JobNews>>,
    read_at: Option<Instant>,
    announced_at: Option<Instant>,
}

/// A wait for one job, until this is dropped.
#[derive(Debug)]
pub struct JobWatch {
    key: JobKey,
    news: watch::Receiver<Option<JobNews>>,
    watcher: Arc<JobWatcher>,
}

impl JobWatcher {
    /// Begins a wait for a job. What changes from now on is told, so the job is to be read afterwards. Returns `None` if the
    /// server stops.
    pub(super) fn watch(self: &Arc<Self>, tenant: TenantId, job: JobId) -> Option<JobWatch> {
        let key = (tenant, job);
        let mut table = self.table.lock();
        if table.is_ended {
            return None;
        }
        let table = &mut *table;
        table.waiters += 1;
        let watched = table.watched.entry(key).or_insert_with(|| {
            table.schedule.set(key, Instant::now() + NET_INTERVAL);
            table.to_announce.push(key);
            Watched { news: watch::Sender::new(None), read_at: None, announced_at: None }
        });
        let news = watched.news.subscribe();
        self.interested(table);
        Some(JobWatch { key, news, watcher: Arc::clone(self) })
    }

    /// Learns that a job has changed in the store.
    pub(super) fn changed(&self, tenant: TenantId, job: JobId, change: JobChange) {
        // A wait that begins now reads the job after this.
        if self.interest.load(Ordering::SeqCst) == 0 {
            return;
        }
        let (key, now) = ((tenant, job), Instant::now());
        let mut table = self.table.lock();
        let table = &mut *table;
        let mut is_sooner = table.elsewhere.changed(key, change, now);
        if let Some(watched) = table.watched.get(&key) {
            let due = match change {
                JobChange::End => now,
                JobChange::Progress => {
                    let paced = watched.read_at.map(|read_at| read_at + table.pace());
                    paced.map_or(now + SETTLING_TIME, |paced| paced.max(now + SETTLING_TIME))
                }
            };
            is_sooner |= table.schedule.set_sooner(key, due);
        }
        if is_sooner {
            self.wakeup.notify();
        }
    }

    /// Learns the outcome of a commit of a job. Of one that failed, too: it may have taken effect although its answer was lost.
    pub(super) fn committed(&self, tenant: TenantId, job: JobId, outcome: &Result<CommitOutcome, StoreError>) {
        match outcome {
            Ok(CommitOutcome::Committed { job_finished: true }) => self.changed(tenant, job, JobChange::End),
            Ok(CommitOutcome::Committed { job_finished: false }) | Err(_) => {
                self.changed(tenant, job, JobChange::Progress);
            }
            Ok(CommitOutcome::Conflict | CommitOutcome::Fenced) => {}
        }
    }

    /// Learns what another server says about a job.
    pub(super) fn hinted(&self, hint: JobHint) {
        let now = Instant::now();
        let mut table = self.table.lock();
        match hint {
            JobHint::Watched { tenant, job } => {
                table.elsewhere.watched((tenant, job), now);
                self.count_interest(&table);
            }
            // The other server paces its hints.
            JobHint::Changed { tenant, job } => {
                if table.watched.contains_key(&(tenant, job)) && table.schedule.set_sooner((tenant, job), now) {
                    self.wakeup.notify();
                }
            }
        }
    }

    /// Has all jobs read, because hints may have been missed.
    pub(super) fn hints_missed(&self) {
        let now = Instant::now();
        let mut table = self.table.lock();
        let table = &mut *table;
        for key in table.watched.keys() {
            table.schedule.set_sooner(*key, now);
            table.to_announce.push(*key);
        }
        self.interested(table);
    }

    /// Returns how many clients wait.
    pub(super) fn waiters(&self) -> usize {
        self.table.lock().waiters
    }

    /// Ends all waits, and lets none begin.
    pub(super) fn end(&self) {
        let mut table = self.table.lock();
        table.is_ended = true;
        table.schedule = Schedule::default();
        // Receivers learn that their senders are gone.
        let watched = std::mem::take(&mut table.watched);
        self.count_interest(&table);
        drop(table);
        drop(watched);
        self.wakeup.notify();
    }

    /// Does what is due: reads jobs and publishes them, and tells other servers. Then waits until something is due again, unless
    /// that was told meanwhile. Returns the pause until this is to be called again.
    ///
    /// # Errors
    /// If the store cannot answer. To be called again later.
    pub(super) fn step(&self, store: &dyn Store) -> Result<Duration, StoreError> {
        let seen = self.wakeup.generation();
        let now = Instant::now();
        let (due, hints) = {
            let mut table = self.table.lock();
            let hints = table.take_hints(now);
            (table.schedule.take_due(now, MAX_READ), hints)
        };
        if !(due.is_empty() && hints.is_empty()) {
            let done = self.tell(store, &hints).and_then(|()| self.read(store, &due));
            if done.is_err() {
                self.read_later(&due, Instant::now() + FAILURE_PAUSE);
            }
            return done.map(|()| READ_PAUSE);
        }
        let next = {
            let table = self.table.lock();
            if table.is_ended {
                return Ok(IDLE_TIME);
            }
            let announcement = table.may_announce_at.filter(|_| !table.to_announce.is_empty());
            [table.schedule.next(), table.elsewhere.next(), announcement].into_iter().flatten().min()
        };
        let timeout = next.map_or(IDLE_TIME, |next| next.saturating_duration_since(Instant::now()).min(IDLE_TIME));
        self.wakeup.wait(seen, timeout);
        Ok(Duration::ZERO)
    }

    /// Tells other servers, if there are any.
    fn tell(&self, store: &dyn Store, hints: &[JobHint]) -> Result<(), StoreError> {
        if hints.is_empty() {
            return Ok(());
        }
        let has_others = store.tell_servers(hints)?;
        let now = Instant::now();
        let mut table = self.table.lock();
        let table = &mut *table;
        for hint in hints {
            let JobHint::Watched { tenant, job } = *hint else { continue };
            let Some(watched) = table.watched.get_mut(&(tenant, job)) else { continue };
            watched.announced_at = Some(now);
            if has_others {
                table.schedule.set_sooner((tenant, job), now + HINT_TIME);
            }
        }
        Ok(())
    }

    /// Reads jobs, and publishes them.
    fn read(&self, store: &dyn Store, keys: &[JobKey]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let read_at = Instant::now();
        self.publish(keys, store.jobs_of(keys)?, read_at);
        Ok(())
    }

    /// Publishes the jobs that were read for these keys; those that are missing are gone.
    fn publish(&self, keys: &[JobKey], jobs: Vec<(TenantId, Job)>, read_at: Instant) {
        let mut jobs: HashMap<JobKey, Job> = jobs.into_iter().map(|(tenant, job)| ((tenant, job.id), job)).collect();
        let mut table = self.table.lock();
        let table = &mut *table;
        let next = read_at + table.net_interval();
        for key in keys {
            let Some(watched) = table.watched.get_mut(key) else { continue };
            watched.read_at = Some(read_at);
            if watched.announced_at.is_none_or(|at| at.elapsed() >= HINT_INTERVAL) {
                table.to_announce.push(*key);
            }
            table.schedule.set_sooner(*key, next);
            let news = jobs.remove(key).map_or(JobNews::Gone, |job| JobNews::Job(Arc::new(job)));
            watched.news.send_if_modified(|known| {
                let is_new = known.as_ref().is_none_or(|known| news.differs_from(known));
                if is_new {
                    *known = Some(news);
                }
                is_new
            });
        }
    }

    fn read_later(&self, keys: &[JobKey], due: Instant) {
        let mut table = self.table.lock();
        let table = &mut *table;
        for key in keys {
            if table.watched.contains_key(key) {
                table.schedule.set_sooner(*key, due);
            }
        }
    }

    /// Wakes the task for what was added to the table.
    fn interested(&self, table: &Table) {
        self.count_interest(table);
        self.wakeup.notify();
    }

    fn count_interest(&self, table: &Table) {
        self.interest.store(table.watched.len() + table.elsewhere.len(), Ordering::SeqCst);
    }

    fn unwatch(&self, key: JobKey) {
        let mut table = self.table.lock();
        table.waiters = table.waiters.saturating_sub(1);
        // The receiver that is being dropped still counts.
        if table.watched.get(&key).is_some_and(|watched| watched.news.receiver_count() <= 1) {
            table.watched.remove(&key);
            table.schedule.remove(&key);
            self.count_interest(&table);
        }
    }
}

impl Table {
    /// Returns the least time between two publications of a job that goes on.
    fn pace(&self) -> Duration {
        PACE * u32::try_from(self.waiters.div_ceil(WAITERS_AT_FULL_PACE).max(1)).unwrap_or(u32::MAX)
    }

    /// Returns the time after which a job is read without a reason: a second, unless that would be too many jobs a second.
    fn net_interval(&self) -> Duration {
        NET_INTERVAL * u32::try_from(self.watched.len().div_ceil(MAX_READ).max(1)).unwrap_or(u32::MAX)
    }

    /// Returns what other servers are to be told now.
    fn take_hints(&mut self, now: Instant) -> Vec<JobHint> {
        let mut hints = Vec::new();
        if !self.to_announce.is_empty() && self.may_announce_at.is_none_or(|at| at <= now) {
            self.may_announce_at = Some(now + ANNOUNCEMENT_PAUSE);
            let announced = std::mem::take(&mut self.to_announce);
            let watched = announced.into_iter().filter(|key| self.watched.contains_key(key));
            hints.extend(watched.map(|(tenant, job)| JobHint::Watched { tenant, job }));
        }
        hints.extend(self.elsewhere.take_due(now).map(|(tenant, job)| JobHint::Changed { tenant, job }));
        hints
    }
}

impl JobNews {
    fn differs_from(&self, known: &Self) -> bool {
        match (self, known) {
            (Self::Job(job), Self::Job(known)) => job.progress() != known.progress(),
            (Self::Gone, Self::Gone) => false,
            _ => true,
        }
    }
}

impl JobWatch {
    /// Returns a job that was read, or what all who wait for it know already if that is as new, so that many who wait keep it once.
    pub fn shared(&self, job: Job) -> Arc<Job> {
        match &*self.news.borrow() {
            Some(JobNews::Job(known)) if known.progress() >= job.progress() => Arc::clone(known),
            Some(_) | None => Arc::new(job),
        }
    }

    /// Waits until the job is further than `known`, or gone. Returns `None` when the server stops. Nothing is lost if the wait is
    /// given up.
    pub async fn news_after(&mut self, known: &Job) -> Option<JobNews> {
        loop {
            self.news.changed().await.ok()?;
            let news = self.news.borrow_and_update().clone();
            match news {
                // What the task read may be older than what the waiter knows.
                Some(JobNews::Job(job)) if job.progress() <= known.progress() => {}
                Some(news) => return Some(news),
                None => {}
            }
        }
    }
}

impl Drop for JobWatch {
    fn drop(&mut self) {
        self.watcher.unwatch(self.key);
    }
}
