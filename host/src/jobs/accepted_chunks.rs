//! The chunks of jobs that this server accepted, kept in memory for its own workers.
//!
//! A worker takes the chunks of its job from here, one after the other. What is not here, the worker reads from the store,
//! where every chunk is. A chunk from here has the same items as the stored one, and the store decides about both alike: it
//! commits a batch only under the claim's epoch and at the job's cursor. So chunks of a job that was deleted, or that another
//! server runs, only take memory until they are forgotten.
//!
//! The bounds keep what will be needed first. A tenant's jobs run in the order in which they were accepted, so a chunk for
//! which there is no room is left to the store, and no earlier one makes room for it.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{ItemList, JobId, TenantId};

/// Bytes of all chunks: about ten jobs of 10,000 small contacts. The memory of large bodies, which these items had before, is
/// four times as large.
const MAX_BYTES: usize = 32 << 20;
/// Bytes of one tenant's chunks, for the job that runs and one or two that wait. A tenant also has at most half of what other
/// tenants leave, so the next tenant always finds room.
const MAX_TENANT_BYTES: usize = MAX_BYTES / 4;
/// Bytes that a chunk counts for itself, beside its items.
const CHUNK_BYTES: usize = 256;
/// How long a job's chunks are kept. After that, another server runs the job, or so many jobs wait that reading one chunk
/// more delays nobody.
const MAX_AGE: Duration = Duration::from_secs(300);

/// The chunks of accepted jobs that no worker of this server has taken yet.
#[derive(Debug, Default)]
pub(super) struct AcceptedChunks(Mutex<KeptChunks>);

#[derive(Debug, Default)]
struct KeptChunks {
    tenants: HashMap<TenantId, KeptJobs>,
    bytes: usize,
}

/// What is kept of one tenant, in the order of acceptance. A job without chunks is not kept.
#[derive(Debug, Default)]
struct KeptJobs {
    jobs: VecDeque<KeptJob>,
    bytes: usize,
}

#[derive(Debug)]
struct KeptJob {
    id: JobId,
    accepted_at: Instant,
    /// Whether a worker of this server runs the job.
    is_claimed: bool,
    chunks: VecDeque<KeptChunk>,
}

#[derive(Debug)]
struct KeptChunk {
    /// The place of the first item in the job.
    first: u32,
    items: ItemList,
    bytes: usize,
}

impl AcceptedChunks {
    /// Keeps the chunks of a job that the store has accepted, from the first on, as many as there is room for.
    pub(super) fn keep(&self, tenant: TenantId, job: JobId, chunks: Vec<ItemList>) {
        self.keep_at(Instant::now(), tenant, job, chunks);
    }

    fn keep_at(&self, now: Instant, tenant: TenantId, job: JobId, chunks: Vec<ItemList>) {
        let mut chunks = KeptChunk::all_of(chunks).into_iter();
        let mut kept = self.0.lock();
        let others = kept.bytes - kept.tenants.get(&tenant).map_or(0, |jobs| jobs.bytes);
        let most = MAX_TENANT_BYTES.min(MAX_BYTES.saturating_sub(others) / 2);
        kept.change(tenant, |jobs| {
            let mut room = most.saturating_sub(jobs.bytes);
            let fits = |chunk: &KeptChunk| {
                let rest = room.checked_sub(chunk.bytes);
                room = rest.unwrap_or(room);
                rest.is_some()
            };
            let chunks: VecDeque<KeptChunk> = chunks.by_ref().take_while(fits).collect();
            if !chunks.is_empty() {
                jobs.bytes += chunks.iter().map(|chunk| chunk.bytes).sum::<usize>();
                jobs.jobs.push_back(KeptJob { id: job, accepted_at: now, is_claimed: false, chunks });
            }
        });
    }

    /// Notes that a worker of this server claimed a job. Forgets the tenant's jobs that were accepted before it, as other
    /// servers claimed these.
    pub(super) fn claimed(&self, tenant: TenantId, job: JobId) {
        let forgotten = self.0.lock().change(tenant, |jobs| {
            let Some(place) = jobs.place(job) else { return Vec::new() };
            if let Some(job) = jobs.jobs.get_mut(place) {
                job.is_claimed = true;
            }
            let (claimed, others): (Vec<_>, Vec<_>) = jobs.jobs.drain(..place).partition(|job| job.is_claimed);
            claimed.into_iter().rev().for_each(|job| jobs.jobs.push_front(job));
            jobs.bytes -= others.iter().map(KeptJob::bytes).sum::<usize>();
            others
        });
        // Freeing the items needs no lock.
        drop(forgotten);
    }

    /// Notes that the worker released the job, which goes on at its cursor in a later claim.
    pub(super) fn released(&self, tenant: TenantId, job: JobId) {
        self.0.lock().change(tenant, |jobs| {
            let place = jobs.place(job);
            if let Some(job) = place.and_then(|place| jobs.jobs.get_mut(place)) {
                job.is_claimed = false;
            }
        });
    }

    /// Takes the job's chunk that begins at the item `first`, if it is here. Forgets the job's chunks before it, whose items
    /// are decided.
    pub(super) fn take(&self, tenant: TenantId, job: JobId, first: u32) -> Option<ItemList> {
        let mut passed = self.0.lock().change(tenant, |jobs| {
            let place = jobs.place(job)?;
            let kept = jobs.jobs.get_mut(place)?;
            let count = kept.chunks.partition_point(|chunk| chunk.first <= first);
            let passed: Vec<KeptChunk> = kept.chunks.drain(..count).collect();
            if kept.chunks.is_empty() {
                jobs.jobs.remove(place);
            }
            jobs.bytes -= passed.iter().map(|chunk| chunk.bytes).sum::<usize>();
            Some(passed)
        })?;
        passed.pop().filter(|chunk| chunk.first == first).map(|chunk| chunk.items)
    }

    /// Forgets a job that is completed or gone.
    pub(super) fn forget(&self, tenant: TenantId, job: JobId) {
        let forgotten = self.0.lock().change(tenant, |jobs| {
            let job = jobs.place(job).and_then(|place| jobs.jobs.remove(place));
            jobs.bytes -= job.as_ref().map_or(0, KeptJob::bytes);
            job
        });
        drop(forgotten);
    }

    /// Forgets the jobs that were accepted long ago.
    pub(super) fn forget_old(&self) {
        self.forget_old_at(Instant::now());
    }

    fn forget_old_at(&self, now: Instant) {
        let mut kept = self.0.lock();
        let tenants: Vec<TenantId> = kept.tenants.keys().copied().collect();
        for tenant in tenants {
            kept.change(tenant, |jobs| {
                let is_old = |job: &KeptJob| now.saturating_duration_since(job.accepted_at) >= MAX_AGE;
                while let Some(job) = jobs.jobs.pop_front_if(|job| is_old(job)) {
                    jobs.bytes -= job.bytes();
                }
            });
        }
    }
}

impl KeptChunks {
    /// Changes what is kept of a tenant, and counts it.
    fn change<T>(&mut self, tenant: TenantId, change: impl FnOnce(&mut KeptJobs) -> T) -> T {
        let jobs = self.tenants.entry(tenant).or_default();
        let before = jobs.bytes;
        let result = change(jobs);
        self.bytes = self.bytes - before + jobs.bytes;
        if jobs.jobs.is_empty() {
            self.tenants.remove(&tenant);
        }
        result
    }
}

impl KeptJobs {
    fn place(&self, id: JobId) -> Option<usize> {
        self.jobs.iter().position(|job| job.id == id)
    }
}

impl KeptJob {
    fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes).sum()
    }
}

impl KeptChunk {
    /// Returns all chunks of a job with their places.
    fn all_of(chunks: Vec<ItemList>) -> Vec<Self> {
        let mut first = 0;
        let place = |items: ItemList| {
            let chunk = Self { first, bytes: bytes(&items), items };
            first += u32::try_from(chunk.items.items.len()).unwrap_or(u32::MAX);
            chunk
        };
        chunks.into_iter().map(place).collect()
    }
}

/// Returns the bytes of memory that a chunk takes.
fn bytes(items: &ItemList) -> usize {
    let texts = |texts: &Vec<String>| {
        texts.capacity() * size_of::<String>() + texts.iter().map(String::capacity).sum::<usize>()
    };
    CHUNK_BYTES + texts(&items.items) + items.keys.as_ref().map_or(0, texts)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{AcceptedChunks, CHUNK_BYTES, MAX_AGE, MAX_BYTES, MAX_TENANT_BYTES, bytes};
    use crate::domain::{ItemList, JobId, TenantId};

    const ACME: TenantId = TenantId(1);

    /// Returns a chunk of `count` items.
    fn chunk(count: usize) -> ItemList {
        let texts = |name: &str| (0..count).map(|n| format!("{name}{n}")).collect();
        ItemList { items: texts("item"), keys: Some(texts("key")) }
    }

    /// Returns a chunk that takes this many bytes.
    fn chunk_of(size: usize) -> ItemList {
        let text = "x".repeat(size - CHUNK_BYTES - size_of::<String>());
        let chunk = ItemList { items: vec![text], keys: None };
        assert_eq!(bytes(&chunk), size);
        chunk
    }

    fn kept_bytes(chunks: &AcceptedChunks) -> usize {
        let kept = chunks.0.lock();
        let recount = |jobs: &super::KeptJobs| jobs.jobs.iter().map(super::KeptJob::bytes).sum::<usize>();
        assert!(kept.tenants.values().all(|jobs| jobs.bytes == recount(jobs) && jobs.bytes > 0));
        assert_eq!(kept.bytes, kept.tenants.values().map(|jobs| jobs.bytes).sum::<usize>());
        kept.bytes
    }

    #[test]
    fn a_chunk_is_taken_once_and_only_from_its_first_item() {
        let (kept, job) = (AcceptedChunks::default(), JobId::random());
        kept.keep(ACME, job, vec![chunk(3), chunk(2), chunk(4), chunk(1)]);
        assert_eq!(kept.take(ACME, job, 0), Some(chunk(3)));
        assert_eq!(kept.take(ACME, job, 0), None);
        assert_eq!(kept.take(TenantId(2), job, 3), None, "another tenant");
        assert_eq!(kept.take(ACME, JobId::random(), 3), None, "another job");
        assert_eq!(kept.take(ACME, job, 4), None, "the cursor is within the second chunk, which is of no use");
        assert_eq!(kept.take(ACME, job, 5), Some(chunk(4)));
        assert_eq!(kept.take(ACME, job, 9), Some(chunk(1)));
        assert_eq!(kept.take(ACME, job, 10), None);
        assert_eq!(kept_bytes(&kept), 0);
    }

    #[test]
    fn a_job_that_is_released_goes_on_with_the_next_chunk() {
        let (kept, job) = (AcceptedChunks::default(), JobId::random());
        kept.keep(ACME, job, vec![chunk(3), chunk(2), chunk(4)]);
        kept.claimed(ACME, job);
        assert_eq!(kept.take(ACME, job, 0), Some(chunk(3)));
        kept.released(ACME, job);
        kept.claimed(ACME, job);
        assert_eq!(kept.take(ACME, job, 3), Some(chunk(2)));
    }

    #[test]
    fn a_tenant_has_a_quarter_at_most_and_half_of_what_others_leave() {
        let kept = AcceptedChunks::default();
        let size = MAX_BYTES / 1_024;
        let mut before = 0;
        for tenant in 1..30 {
            for _ in 0..3 {
                kept.keep(TenantId(tenant), JobId::random(), vec![chunk_of(size); 100]);
            }
            let own = kept_bytes(&kept) - before;
            assert!(own <= MAX_TENANT_BYTES.min((MAX_BYTES - before) / 2), "{tenant}: {own}");
            assert!(own > 0 || MAX_BYTES - before < 2 * size, "{tenant} finds no room beside {before}");
            before += own;
        }
        assert!(before > MAX_BYTES - 2 * size && before <= MAX_BYTES);
    }

    #[test]
    fn of_a_group_the_first_jobs_are_kept() {
        let kept = AcceptedChunks::default();
        let jobs: Vec<JobId> = (0..10).map(|_| JobId::random()).collect();
        let size = MAX_TENANT_BYTES / 25;
        for job in &jobs {
            kept.keep(ACME, *job, vec![chunk_of(size); 10]);
        }
        let first_chunks = |job: &JobId| (0..10).filter(|first| kept.take(ACME, *job, *first).is_some()).count();
        assert_eq!(jobs.iter().map(first_chunks).collect::<Vec<_>>(), [10, 10, 5, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(kept_bytes(&kept), 0);
    }

    #[test]
    fn a_claim_shows_that_other_servers_have_the_earlier_jobs() {
        let (kept, jobs) = (AcceptedChunks::default(), [(); 4].map(|()| JobId::random()));
        for job in jobs {
            kept.keep(ACME, job, vec![chunk(1)]);
        }
        kept.claimed(ACME, jobs[1]);
        assert_eq!(kept.take(ACME, jobs[0], 0), None);
        kept.claimed(ACME, jobs[3]);
        assert_eq!(kept.take(ACME, jobs[2], 0), None);
        assert_eq!(kept.take(ACME, jobs[1], 0), Some(chunk(1)), "this server still runs it");
        assert_eq!(kept.take(ACME, jobs[3], 0), Some(chunk(1)));
        kept.claimed(ACME, JobId::random());
        assert_eq!(kept_bytes(&kept), 0);
    }

    #[test]
    fn jobs_are_forgotten_when_they_are_gone_or_old() {
        let (kept, jobs) = (AcceptedChunks::default(), [(); 3].map(|()| JobId::random()));
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        for (job, seconds) in jobs.iter().zip(0..) {
            kept.keep_at(at(seconds), ACME, *job, vec![chunk(1), chunk(1)]);
        }
        kept.forget(ACME, jobs[2]);
        assert_eq!(kept.take(ACME, jobs[2], 0), None);
        kept.forget_old_at(at(0) + MAX_AGE);
        assert_eq!(kept.take(ACME, jobs[0], 0), None);
        assert_eq!(kept.take(ACME, jobs[1], 0), Some(chunk(1)));
        kept.forget_old_at(at(1) + MAX_AGE);
        assert_eq!(kept_bytes(&kept), 0);
        kept.forget(ACME, jobs[1]);
    }
}
