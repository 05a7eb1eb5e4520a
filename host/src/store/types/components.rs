//! Registered components.

use crate::domain::{Digest, Timestamp, World};

/// A component to be registered.
#[derive(Debug)]
pub struct NewComponent<'a> {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What people call it.
    pub name: Option<&'a str>,
    /// What it is.
    pub world: World,
    /// The component itself.
    pub bytes: &'a [u8],
}

/// What became of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is there now.
    New,
    /// It was there before; if a name was given, it has that now.
    Known,
    /// The name is another component's.
    NameTaken(Digest),
}

/// A registered component as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentRecord {
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// What people call it.
    pub name: Option<String>,
    /// What it is.
    pub world: World,
    /// Its bytes.
    pub size: u64,
    /// When it was registered.
    pub added_at: Timestamp,
    /// Tenants that have it, or can go back to it.
    pub tenants: Vec<String>,
    /// Unfinished jobs that need it.
    pub jobs: u64,
}

/// What became of a removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// There is none.
    Unknown,
    /// Somebody needs it.
    InUse(ComponentRecord),
}
