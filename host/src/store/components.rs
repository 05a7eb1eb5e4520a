//! Registered components.

use super::StoreError;
use crate::domain::{Digest, Timestamp, World};

/// Registered components.
pub trait ComponentStore {
    /// Registers a component.
    fn add_component(&self, component: &NewComponent<'_>) -> Result<RegisterOutcome, StoreError>;

    /// Returns all registered components, the oldest first.
    fn components(&self) -> Result<Vec<ComponentRecord>, StoreError>;

    /// Returns the bytes of a registered component.
    fn component_bytes(&self, digest: Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// Removes a component that no tenant has or can roll back to, and that no unfinished job needs.
    fn remove_component(&self, digest: Digest) -> Result<RemoveOutcome, StoreError>;
}

/// A component to be registered.
#[derive(Debug)]
pub struct NewComponent<'a> {
    /// The SHA-256 of the component's bytes.
    pub digest: Digest,
    /// The component's name for operators.
    pub name: Option<&'a str>,
    /// Whether the name is taken from another component that has it.
    pub takes_name: bool,
    /// Whether the component is a processor or a validator.
    pub world: World,
    /// The component itself.
    pub bytes: &'a [u8],
}

/// The outcome of [`ComponentStore::add_component`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegisterOutcome {
    /// The component is registered now.
    New,
    /// The component was registered before. If a name was given, the component has that name now.
    Known,
    /// Nothing was registered, as another component has the name.
    NameTaken(Digest),
}

/// A registered component as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentRecord {
    /// The SHA-256 of the component's bytes.
    pub digest: Digest,
    /// The component's name for operators.
    pub name: Option<String>,
    /// Whether the component is a processor or a validator.
    pub world: World,
    /// The component's size in bytes.
    pub size: u64,
    /// When the component was registered.
    pub added_at: Timestamp,
    /// The names of the tenants that have the component or can roll back to it.
    pub tenants: Vec<String>,
    /// How many unfinished jobs need the component.
    pub jobs: u64,
}

/// The outcome of [`ComponentStore::remove_component`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoveOutcome {
    /// The component is removed.
    Done,
    /// There is no such component.
    Unknown,
    /// Nothing was removed, as tenants or jobs need the component.
    InUse(ComponentRecord),
}
