//! Registered components.

use super::StoreError;
use crate::domain::{Digest, Timestamp, World};

/// Registered components.
pub trait ComponentStore {
    /// Registers a component.
    fn add_component(&self, component: &NewComponent<'_>) -> Result<Registered, StoreError>;

    /// Returns all registered components, the oldest first.
    fn components(&self) -> Result<Vec<ComponentRecord>, StoreError>;

    /// Returns the bytes of a registered component.
    fn component_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes a component that no tenant has or can roll back to, and that no unfinished job needs.
    fn remove_component(&self, digest: Digest) -> Result<Removed, StoreError>;
}

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
