//! Registering components, listing and removing them.

use std::sync::PoisonError;
use std::time::Duration;

use super::{OperationError, Operations};
use crate::domain::Digest;
use crate::sandbox::{Limits, Refusal};
use crate::store::{ComponentRecord, NewComponent, RegisterOutcome, RemoveOutcome};
use crate::tenants::{TenantLimits, TenantName};

/// Characters of a digest that name a component at least.
const SHORTEST_DIGEST: usize = 6;

/// A component that is registered now.
#[derive(Debug)]
pub struct Added {
    /// As it is registered.
    pub record: ComponentRecord,
    /// Whether it was not there before.
    pub is_new: bool,
    /// How long compiling took; next to nothing if it was compiled before.
    pub compiled_in: Duration,
}

impl Operations {
    /// Tries a component and registers it. The same bytes again are no fault; a name that is given is then theirs.
    ///
    /// # Errors
    /// If it is refused (which says at which step, what was found and what to do), or the name cannot be had.
    pub fn add_component(&self, bytes: &[u8], name: Option<&str>) -> Result<Added, OperationError> {
        if let Some(name) = name {
            let is_plain = name.parse::<TenantName>().is_ok() && name.starts_with(|c: char| c.is_ascii_lowercase());
            if !is_plain || matches!(name, "none" | "default") {
                return Err(OperationError::Name(name.to_owned()));
            }
        }
        if bytes.len() > self.max_component {
            return Err(Refusal::too_large(self.max_component).into());
        }
        let probed = {
            let _turn = self.trying.lock().unwrap_or_else(PoisonError::into_inner);
            self.sandbox.probe(bytes, &Limits::from(&TenantLimits::default()))?
        };
        let digest = Digest::of(bytes);
        let component = NewComponent { digest, name, world: probed.inspected.world, bytes };
        let registered = self.store.add_component(&component)?;
        if let RegisterOutcome::NameTaken(owner) = registered {
            let name = name.unwrap_or_default().to_owned();
            return Err(OperationError::NameTaken { name, owner: owner.to_string() });
        }
        let record = self.component(&digest.to_string())?;
        Ok(Added { record, is_new: registered == RegisterOutcome::New, compiled_in: probed.compiled_in })
    }

    /// All registered components, the oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn components(&self) -> Result<Vec<ComponentRecord>, OperationError> {
        Ok(self.store.components()?)
    }

    /// The component that is called so: by its name, its digest, or the beginning of its digest.
    ///
    /// # Errors
    /// If there is none, or several.
    pub fn component(&self, reference: &str) -> Result<ComponentRecord, OperationError> {
        let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
        let begins = |record: &ComponentRecord| {
            digits.len() >= SHORTEST_DIGEST && hex::encode(record.digest.0).starts_with(digits)
        };
        let mut records = self.store.components()?;
        if let Some(place) = records.iter().position(|record| record.name.as_deref() == Some(reference)) {
            return Ok(records.swap_remove(place));
        }
        let mut found = records.into_iter().filter(begins);
        let first = found.next().ok_or_else(|| OperationError::UnknownComponent(reference.to_owned()))?;
        if found.next().is_some() { Err(OperationError::Ambiguous(reference.to_owned())) } else { Ok(first) }
    }

    /// Removes a component that nobody needs.
    ///
    /// # Errors
    /// If there is none, or a tenant or an unfinished job needs it.
    pub fn remove_component(&self, reference: &str) -> Result<ComponentRecord, OperationError> {
        let record = self.component(reference)?;
        if record.digest == self.default.digest() {
            return Err(OperationError::IsDefault);
        }
        match self.store.remove_component(record.digest)? {
            RemoveOutcome::Done => Ok(record),
            RemoveOutcome::Unknown => Err(OperationError::UnknownComponent(reference.to_owned())),
            RemoveOutcome::InUse(record) => Err(OperationError::InUse(Box::new(record))),
        }
    }
}
