//! Inflates compressed bodies piece by piece, as they arrive: so inflating ends with the request, and needs memory only for what
//! came out, and for what a decoder remembers.

mod gzip;
mod zstd;
mod zstd_frame;

use self::gzip::GzipInflater;
use self::zstd::ZstdInflater;
use super::content_coding::Coding;
use super::problem::Problem;

pub(super) use self::zstd::inflate_small;

/// Inflated bytes after which [`Inflater::push`] returns: a fraction of a millisecond of work.
const STEP_BYTES: usize = 64 << 10;
/// Members of gzip, or frames of zstd, that any body may have. Beginning one costs time, also if it is empty.
const FREE_PARTS: u64 = 1_000;
/// Inflated bytes for which a body may have one part more.
const BYTES_PER_FURTHER_PART: u64 = 4 << 10;

/// How many parts of a body have ended, and what they inflated to.
#[derive(Debug, Default)]
struct PartCount {
    ended: u64,
    inflated: u64,
}

impl PartCount {
    /// Returns whether one part more may begin.
    fn has_room(&self) -> bool {
        self.ended < FREE_PARTS + self.inflated / BYTES_PER_FURTHER_PART
    }
}

/// A compressed body that is being inflated.
#[derive(Debug)]
pub(super) enum Inflater {
    Gzip(Box<GzipInflater>),
    Zstd(Box<ZstdInflater>),
}

impl Inflater {
    pub(super) fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(Box::new(GzipInflater::new())),
            Coding::Zstd => Self::Zstd(Box::new(ZstdInflater::new())),
        }
    }

    /// Returns the bytes of the body's memory that inflating may take at most, beside the inflated bytes.
    pub(super) fn max_memory_bytes(coding: Coding) -> usize {
        match coding {
            // Some tens of kilobytes, as for the connection itself.
            Coding::Gzip => 0,
            Coding::Zstd => zstd::MAX_MEMORY_BYTES,
        }
    }

    /// Returns the bytes that must be reserved before the next [`Self::push`], beside the inflated bytes. They never become fewer.
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Gzip(_) => 0,
            Self::Zstd(inflater) => inflater.memory_bytes(),
        }
    }

    /// Returns whether [`Self::push`] can do something before more of the body arrives.
    pub(super) fn has_work(&self, compressed: &[u8]) -> bool {
        !compressed.is_empty() || matches!(self, Self::Zstd(inflater) if inflater.has_work())
    }

    /// Inflates the beginning of `compressed` and cuts it off there. Returns what came out of it, which is a step's work and
    /// may be nothing.
    ///
    /// # Errors
    /// 400 if the bytes are not compressed in this way, if they have too many parts for what they inflate to, or if inflating them
    /// would take too much memory.
    pub(super) fn push(&mut self, compressed: &mut &[u8]) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Gzip(inflater) => inflater.push(compressed),
            Self::Zstd(inflater) => inflater.push(compressed),
        }
    }

    /// Ends the body and returns the rest of what it inflates to.
    ///
    /// # Errors
    /// 400 if the body is incomplete.
    pub(super) fn finish(self) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Gzip(inflater) => inflater.finish(),
            Self::Zstd(inflater) => inflater.finish().map(|()| Vec::new()),
        }
    }
}
