//! Inflates gzip bodies piece by piece, as they arrive: so inflating ends with the request, and needs memory only for what came
//! out.

use std::io::Write as _;
use std::sync::Arc;
use std::thread::available_parallelism;

use flate2::write::GzDecoder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::body_memory::Owner;
use super::problem::Problem;
use super::tenant_semaphores::TenantSemaphores;

/// Members that any gzip body may have. Beginning a member costs time, also if the member is empty.
const FREE_MEMBERS: u64 = 1_000;
/// Inflated bytes for which a body may have one member more.
const BYTES_PER_FURTHER_MEMBER: u64 = 4 << 10;
/// Members after which [`Inflater::push`] returns.
const MEMBERS_PER_STEP: u64 = 50;
/// Inflated bytes after which [`Inflater::push`] returns: a fraction of a millisecond of work.
const STEP_BYTES: usize = 64 << 10;

/// A gzip body that is being inflated.
#[derive(Debug)]
pub(super) struct Inflater {
    decoder: GzDecoder<Vec<u8>>,
    members: u64,
    inflated: u64,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self { decoder: GzDecoder::new(Vec::new()), members: 1, inflated: 0 }
    }

    /// Inflates the beginning of `compressed` and cuts it off there. Returns what came out of it, which is a step's work and
    /// may be nothing.
    ///
    /// # Errors
    /// 400 if the bytes are no gzip, or have too many members for what they inflate to.
    pub(super) fn push(&mut self, compressed: &mut &[u8]) -> Result<Vec<u8>, Problem> {
        let mut inflated = Vec::new();
        let last_member = self.members + MEMBERS_PER_STEP;
        while !compressed.is_empty() && inflated.len() < STEP_BYTES && self.members < last_member {
            let taken = self.decoder.write(compressed).map_err(|_| Problem::no_gzip())?;
            if taken == 0 {
                self.end_member(&mut inflated)?;
            } else {
                *compressed = compressed.get(taken..).unwrap_or_default();
                self.drain(&mut inflated);
            }
        }
        Ok(inflated)
    }

    /// Ends the body and returns the rest of what it inflates to.
    ///
    /// # Errors
    /// 400 if the body is incomplete.
    pub(super) fn finish(self) -> Result<Vec<u8>, Problem> {
        self.decoder.finish().map_err(|_| Problem::no_gzip())
    }

    fn end_member(&mut self, inflated: &mut Vec<u8>) -> Result<(), Problem> {
        let ended = std::mem::replace(&mut self.decoder, GzDecoder::new(Vec::new()));
        let rest = ended.finish().map_err(|_| Problem::no_gzip())?;
        self.inflated += rest.len() as u64;
        inflated.extend_from_slice(&rest);
        self.members += 1;
        if self.members > FREE_MEMBERS + self.inflated / BYTES_PER_FURTHER_MEMBER {
            return Err(Problem::too_many_gzip_members(self.members));
        }
        Ok(())
    }

    fn drain(&mut self, inflated: &mut Vec<u8>) {
        let fresh = self.decoder.get_mut();
        self.inflated += fresh.len() as u64;
        inflated.append(fresh);
    }
}

/// Whose body is inflated next. Bodies take turns of one step, a tenant's bodies one after another, on at most half of the
/// cores: the runtime's threads have other requests to answer.
#[derive(Debug)]
pub(super) struct InflatingTurns {
    cores: Semaphore,
    of_tenant: TenantSemaphores,
    /// The turn of bodies of operators, or of clients that are not authenticated yet.
    of_others: Arc<Semaphore>,
}

/// The right to inflate one step.
#[derive(Debug)]
pub(super) struct InflatingTurn<'a> {
    _core: Option<SemaphorePermit<'a>>,
    _owner: Option<OwnedSemaphorePermit>,
}

impl InflatingTurns {
    pub(super) fn new() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            cores: Semaphore::new((cores / 2).max(1)),
            of_tenant: TenantSemaphores::new(1),
            of_others: Arc::new(Semaphore::new(1)),
        }
    }

    /// Waits for a turn.
    pub(super) async fn turn(&self, owner: Owner) -> InflatingTurn<'_> {
        let of_owner = match owner {
            Owner::Tenant(tenant) => self.of_tenant.of(tenant),
            Owner::Operator | Owner::Stranger => Arc::clone(&self.of_others),
        };
        // The semaphores are never closed, which would be the only reason for an error.
        let owner = of_owner.acquire_owned().await.ok();
        InflatingTurn { _owner: owner, _core: self.cores.acquire().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{FREE_MEMBERS, Inflater};
    use crate::http::problem::Problem;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn inflate(compressed: &[u8], piece: usize) -> Result<Vec<u8>, Problem> {
        let (mut inflater, mut inflated) = (Inflater::new(), Vec::new());
        for mut piece in compressed.chunks(piece) {
            while !piece.is_empty() {
                inflated.extend(inflater.push(&mut piece)?);
            }
        }
        inflated.extend(inflater.finish()?);
        Ok(inflated)
    }

    #[test]
    fn pieces_of_any_size_inflate_to_the_same() {
        let noise: Vec<u8> = (0..700_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let members = [gzip(b"[1,"), gzip(b""), gzip(&noise), gzip(b"2]")].concat();
        let expected = [b"[1,".as_slice(), &noise, b"2]"].concat();
        for piece in [1, 7, 64 << 10, usize::MAX] {
            assert!(inflate(&members, piece).unwrap() == expected, "{piece}");
        }
    }

    #[test]
    fn what_is_no_gzip_is_refused() {
        let whole = gzip(b"[1,2,3]");
        let mut wrong_sum = whole.clone();
        let end = wrong_sum.len();
        wrong_sum[end - 6] ^= 1;
        let empty = Vec::new();
        let cut = whole[..end - 3].to_vec();
        for wrong in [empty, cut, wrong_sum, [whole.clone(), b"junk".to_vec()].concat(), [whole, vec![0; 9]].concat()] {
            for piece in [1, usize::MAX] {
                assert!(inflate(&wrong, piece).is_err(), "{wrong:?} {piece}");
            }
        }
    }

    #[test]
    fn members_are_bounded_in_proportion_to_what_they_inflate_to() {
        let empty = gzip(b"").repeat(FREE_MEMBERS as usize);
        assert!(inflate(&empty, 4_096).is_ok());
        assert!(inflate(&[empty, gzip(b"")].concat(), 4_096).is_err());
        let useful = gzip(&[b' '; 5_000]).repeat(3_000);
        assert_eq!(inflate(&useful, 4_096).unwrap().len(), 15_000_000);
    }
}
