//! Registering components, listing and removing them.

use super::audit::{Act, Action};
use std::time::Duration;

use super::{ComponentNames, OperationError, Operations};
use crate::domain::Digest;
use crate::sandbox::{Limits, Probed, Refusal};
use crate::store::{ComponentRecord, NewComponent, RegisterOutcome, RemoveOutcome};
use crate::tenants::{TenantLimits, TenantName};

/// Hexadecimal digits of a digest that name a component at least.
pub(super) const MIN_DIGEST_DIGITS: usize = 6;
/// The word for the default processor, which no component can have as its name.
pub(super) const DEFAULT_REFERENCE: &str = "default";

/// A component after its registration.
#[derive(Debug)]
pub struct AddedComponent {
    /// The registered component.
    pub record: ComponentRecord,
    /// Whether the component was not registered before.
    pub is_new: bool,
    /// How long compiling took; next to nothing if the component had been compiled before.
    pub compiled_in: Duration,
}

impl Operations {
    /// Tries a component and registers it. Bytes that are registered already are accepted again, and get the name. With
    /// `takes_name`, a component that has the name loses it; tenants keep their components, whatever they are called.
    ///
    /// # Errors
    /// If the component is refused (the error says at which step, what was found and what to do), or the name is invalid
    /// or another component's.
    pub fn add_component(
        &self,
        bytes: &[u8],
        name: Option<&str>,
        takes_name: bool,
    ) -> Result<AddedComponent, OperationError> {
        let mut act = Act::new(Action::AddComponent).object(Digest::of(bytes)).detail("bytes", bytes.len());
        if let Some(name) = name {
            act = act.detail("name", name.chars().take(100).collect::<String>());
        }
        self.record(act, |_| self.try_component(bytes, name, takes_name))
    }

    fn try_component(
        &self,
        bytes: &[u8],
        name: Option<&str>,
        takes_name: bool,
    ) -> Result<AddedComponent, OperationError> {
        if let Some(name) = name {
            let is_plain = name.parse::<TenantName>().is_ok() && name.starts_with(|c: char| c.is_ascii_lowercase());
            if !is_plain || matches!(name, "none" | DEFAULT_REFERENCE) {
                return Err(OperationError::Name(name.to_owned()));
            }
        }
        if bytes.len() > self.max_component_bytes {
            return Err(Refusal::too_large(self.max_component_bytes).into());
        }
        let sandbox = self.runtime.get()?.sandbox;
        let probed = {
            let _turn = self.probing.lock();
            sandbox.probe(bytes, &Limits::from(&TenantLimits::default()))?
        };
        let digest = Digest::of(bytes);
        let component = NewComponent { digest, name, takes_name, world: probed.inspected.world, bytes };
        let registered = self.store.add_component(&component)?;
        if let RegisterOutcome::NameTaken(owner) = registered {
            let name = name.unwrap_or_default().to_owned();
            return Err(OperationError::NameTaken { name, owner: owner.to_string() });
        }
        tracing::info!(event = "component_registered", component = %digest, name, "a component was registered");
        let record = self.component(&digest.to_string())?;
        Ok(AddedComponent { record, is_new: registered == RegisterOutcome::New, compiled_in: probed.compiled_in })
    }

    /// Tries a registered component once more, as it was tried when it was added. Returns what came of that.
    ///
    /// # Errors
    /// If there is no such component, the store cannot answer, or components cannot run here.
    pub fn check_component(&self, reference: &str) -> Result<Result<Probed, Refusal>, OperationError> {
        let record = self.component(reference)?;
        let unknown = || OperationError::UnknownComponent(reference.to_owned());
        let sandbox = self.runtime.get()?.sandbox;
        // Whoever waits holds no component.
        let _turn = self.probing.lock();
        let bytes = self.store.component_bytes(record.digest)?.ok_or_else(unknown)?;
        Ok(sandbox.probe(&bytes, &Limits::from(&TenantLimits::default())))
    }

    /// Returns whether compiled code of a component was kept, so that adding the component takes no time.
    ///
    /// # Errors
    /// If components cannot run here.
    pub fn is_compiled(&self, bytes: &[u8]) -> Result<bool, OperationError> {
        Ok(self.runtime.get()?.sandbox.is_compiled(Digest::of(bytes)))
    }

    /// Returns all registered components, the oldest first.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn components(&self) -> Result<Vec<ComponentRecord>, OperationError> {
        Ok(self.store.components()?)
    }

    /// Returns the names of all components that have one.
    ///
    /// # Errors
    /// If the store cannot answer.
    pub fn component_names(&self) -> Result<ComponentNames, OperationError> {
        Ok(ComponentNames::of(self.store.components()?))
    }

    /// Finds a component by its name, its digest, or the beginning of its digest. `default` is the default processor.
    ///
    /// # Errors
    /// If there is no such component, or there are several; for `default`, also if the default processor cannot be loaded.
    pub fn component(&self, reference: &str) -> Result<ComponentRecord, OperationError> {
        if reference == DEFAULT_REFERENCE {
            let digest = self.runtime.get()?.default_processor.digest();
            let found = self.store.components()?.into_iter().find(|record| record.digest == digest);
            return found.ok_or_else(|| OperationError::UnknownComponent(reference.to_owned()));
        }
        let digits = reference.strip_prefix("sha256:").unwrap_or(reference).to_ascii_lowercase();
        let begins = |record: &ComponentRecord| {
            digits.len() >= MIN_DIGEST_DIGITS && hex::encode(record.digest.0).starts_with(&digits)
        };
        let mut records = self.store.components()?;
        if let Some(place) = records.iter().position(|record| record.name.as_deref() == Some(reference)) {
            return Ok(records.swap_remove(place));
        }
        let is_digest = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_digest && digits.len() < MIN_DIGEST_DIGITS {
            return Err(OperationError::TooFewDigits(reference.to_owned()));
        }
        let mut found = records.into_iter().filter(begins);
        let first = found.next().ok_or_else(|| OperationError::UnknownComponent(reference.to_owned()))?;
        if found.next().is_some() { Err(OperationError::Ambiguous(reference.to_owned())) } else { Ok(first) }
    }

    /// Removes a component that is not in use, and returns it as it was.
    ///
    /// # Errors
    /// If there is no such component, or a tenant or an unfinished job needs it.
    pub fn remove_component(&self, reference: &str) -> Result<ComponentRecord, OperationError> {
        let record = self.component(reference)?;
        if record.digest == self.runtime.get()?.default_processor.digest() {
            return Err(OperationError::IsDefault);
        }
        let mut act = Act::new(Action::RemoveComponent).object(record.digest);
        if let Some(name) = &record.name {
            act = act.detail("name", name.as_str());
        }
        self.record(act, |_| match self.store.remove_component(record.digest)? {
            RemoveOutcome::Done => Ok(record),
            RemoveOutcome::Unknown => Err(OperationError::UnknownComponent(reference.to_owned())),
            RemoveOutcome::InUse(record) => Err(OperationError::InUse(Box::new(record))),
        })
    }
}
