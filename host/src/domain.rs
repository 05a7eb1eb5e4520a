//! The types that all layers share: tenants, contacts, jobs. Values are parsed once, at the border, into types that cannot
//! be wrong. Nothing here knows HTTP, SQL or wasm.

mod contact;
mod item;
mod job;
mod page;
mod remarks;
pub mod search;
mod source;
mod staged_file;
mod timestamp;
mod trace_parent;

pub use contact::{ContactId, IndexEntry, Indexed, StoredContact, UniqueKey};
pub use item::ItemList;
pub use job::{
    Action, ChangedSince, Counts, DryRun, ErrorCode, Expected, GroupId, ItemError, Job, JobId, JobState, Operation,
    ResultRow, Undo, WriteMode,
};
pub use page::{Page, PageError};
pub use remarks::{IgnoredTally, ItemRemarks, JobRemarks, Warning};
pub use search::{Comparison, FieldTerm, Search, SearchError};
pub use source::{Source, SourceColumn, SourceFormat};
pub use staged_file::{FileName, StagedFileId};
pub use timestamp::Timestamp;
pub use trace_parent::{TraceId, TraceParent};

/// A tenant's number in the store. It is the first column of almost every key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub i64);

/// SHA-256 of a component's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Parses 64 hexadecimal digits.
    pub fn parse_hex(text: &str) -> Option<Self> {
        hex::decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The world of the contract that a component implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum World {
    /// Decides about items.
    Processor,
    /// Adds objections to what the processor decides.
    Validator,
}

impl World {
    /// Returns the world's name in the contract, the store and for operators.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processor => "processor",
            Self::Validator => "validator",
        }
    }

    /// Parses what [`Self::as_str`] returns.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Processor, Self::Validator].into_iter().find(|world| world.as_str() == text)
    }
}

/// The components that a tenant has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Assignment {
    /// `None` for the server's default.
    pub processor: Option<Digest>,
    /// `None` for no validator.
    pub validator: Option<Digest>,
}

/// The components that decide about a job, pinned when the job was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pinned {
    /// The processor.
    pub processor: Digest,
    /// The validator, if the tenant had one.
    pub validator: Option<Digest>,
}

/// Parses 64 hexadecimal digits, with or without `sha256:` before them.
impl std::str::FromStr for Digest {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("sha256:").unwrap_or(text), &mut bytes)?;
        Ok(Self(bytes))
    }
}
