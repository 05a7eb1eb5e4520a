//! The service of a server without HTTP, on a temporary store: the same sandbox, limits and code.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bulkhead::clock::Clock;
use bulkhead::domain::{Digest, ItemList, Operation, World};
use bulkhead::jobs::{ComponentLoader, Service, ServiceError, Settings, Submission, Trial};
use bulkhead::operations::{
    AddedComponent, ComponentChoice, ComponentRuntime, MAX_COMPONENT_BYTES, OperationError, Operations, Operator,
    TenantSettings,
};
use bulkhead::sandbox::{Sandbox, SandboxSettings, remove_old_code};
use bulkhead::store::sqlite::SqliteStore;
use bulkhead::store::{Opening, QueueLimits, Store, Tenant};
use bulkhead::tenants::TenantName;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::super::compile::CompileLimitArgs;
use super::super::operator::GUEST_MEMORY_BYTES;
use super::super::serve::DEFAULT_COMPONENT;
use super::super::store::shared_code;
use super::compilation::Compilation;
use super::read;

/// Component instances that can exist at a time.
const MAX_INSTANCES: u32 = 8;

/// A service with one registered component.
pub(super) struct LocalService {
    store: Arc<dyn Store>,
    operations: Operations,
    service: Service,
    /// The component, registered as by a server.
    pub(super) added: AddedComponent,
    tenants: usize,
    _folder: TempDir,
}

/// Why a tenant cannot be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum TenantError {
    /// The profile or the limits cannot be used with the component.
    #[error(transparent)]
    Refused(OperationError),
    /// The stored contacts cannot be created, or the service failed.
    #[error("{0}")]
    Other(Box<dyn Error>),
}

impl TenantError {
    fn other(error: impl Error + 'static) -> Self {
        Self::Other(error.into())
    }
}

impl From<OperationError> for TenantError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Store(_) | OperationError::Load(_) => Self::other(error),
            error => Self::Refused(error),
        }
    }
}

impl LocalService {
    /// Opens a service on a new store and registers a component, which is refused as by a server.
    pub(super) fn open(file: &Path, compile_limits: &CompileLimitArgs) -> Result<Self, Box<dyn Error>> {
        let bytes = read(file, MAX_COMPONENT_BYTES)?;
        let folder = tempfile::tempdir()?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), Clock::system(), Opening::Server)?);
        let sandbox = sandbox(compile_limits)?;
        let told = Compilation::announce(file, &bytes, sandbox.is_compiled(Digest::of(&bytes)));
        let default = sandbox.load_built_in(DEFAULT_COMPONENT)?;
        let runtime = ComponentRuntime { sandbox: sandbox.clone(), default_processor: default.clone() };
        let operator = Operator::at_command_line("author", None);
        let operations =
            Operations::new(Arc::clone(&store), operator, MAX_COMPONENT_BYTES, move || Ok(runtime.clone()));
        let added =
            operations.add_component(&bytes, None, false).map_err(|error| format!("{}: {error}", file.display()))?;
        told.end();
        let settings = Settings {
            workers: 1,
            retention: Duration::ZERO,
            queue: QueueLimits { jobs: 0, bytes: 0 },
            lease: Duration::ZERO,
            host_timeout: Duration::MAX,
        };
        let service =
            Service::new(Arc::clone(&store), ComponentLoader::new(Arc::clone(&store), sandbox, default), settings);
        Ok(Self { store, operations, service, added, tenants: 0, _folder: folder })
    }

    /// Adds a tenant that has the component, the profile (JSON), the limits (JSON) and the stored contacts.
    pub(super) fn tenant(
        &mut self,
        profile: Option<&str>,
        limits: Option<&str>,
        stored: &[Box<RawValue>],
    ) -> Result<Tenant, TenantError> {
        self.tenants += 1;
        let name: TenantName = format!("trial-{}", self.tenants).parse().map_err(TenantError::other)?;
        self.operations.add_tenant(name.clone(), &TenantSettings::default()).map_err(TenantError::other)?;
        let component = Some(ComponentChoice::Registered(self.added.record.digest.to_string()));
        let settings = |processor, validator| TenantSettings {
            profile: profile.map(str::to_owned),
            limits: limits.map(str::to_owned),
            processor,
            validator,
        };
        let is_validator = self.added.record.world == World::Validator;
        let processor = component.clone().filter(|_| !is_validator);
        self.operations.set_tenant_untried(name.as_str(), &settings(processor, None))?;
        self.store_contacts(&self.reread(&name)?, stored).map_err(TenantError::Other)?;
        // A validator is set only now, as it must not be called for the stored contacts.
        if is_validator {
            self.operations.set_tenant_untried(name.as_str(), &settings(None, component))?;
        }
        Ok(self.reread(&name)?)
    }

    fn store_contacts(&self, tenant: &Tenant, contacts: &[Box<RawValue>]) -> Result<(), Box<dyn Error>> {
        let trial = self.run(tenant, Operation::Create, contacts)?;
        match trial.rows.iter().enumerate().find(|(_, row)| row.status != 201) {
            None => Ok(()),
            Some((place, row)) => {
                let why = row.error.as_ref().map(serde_json::to_string).transpose()?.unwrap_or_default();
                Err(format!("the stored contact {place} cannot be created: status {} {why}", row.status).into())
            }
        }
    }

    fn reread(&self, name: &TenantName) -> Result<Tenant, OperationError> {
        let removed = || OperationError::UnknownTenant(name.as_str().to_owned());
        self.store.tenant(name.as_str())?.ok_or_else(removed)
    }

    /// Returns the aliases of the fields that a tenant's contacts have.
    pub(super) fn field_aliases(&self, tenant: &Tenant) -> Result<Vec<String>, ServiceError> {
        self.service.call_here(tenant).field_aliases()
    }

    /// Runs the component on contacts.
    pub(super) fn run(
        &self,
        tenant: &Tenant,
        operation: Operation,
        contacts: &[Box<RawValue>],
    ) -> Result<Trial, Box<dyn Error>> {
        let one_line = |item: &RawValue| item.get().replace(['\n', '\r'], " ");
        let items = ItemList { items: contacts.iter().map(|item| one_line(item)).collect(), keys: None };
        Ok(self.service.call_here(tenant).try_out(Submission::new(operation, items, None)?)?)
    }

    /// Returns a contact as clients see it.
    pub(super) fn contact(&self, tenant: &Tenant, id: u64) -> Option<serde_json::Value> {
        let object = self.service.call_here(tenant).contact(bulkhead::domain::ContactId(id)).ok().flatten()?;
        serde_json::from_str(&object).ok()
    }
}

/// Creates a sandbox like a server's. Its cache is the folder that this user's servers and commands share, as compiling a
/// component with a JavaScript engine takes seconds.
pub(super) fn sandbox(compile_limits: &CompileLimitArgs) -> Result<Sandbox, Box<dyn Error>> {
    let cache = shared_code();
    if let Some(folder) = &cache {
        remove_old_code(folder);
    }
    Ok(Sandbox::new(SandboxSettings {
        cache,
        shared_cache: None,
        instances: MAX_INSTANCES,
        guest_memory: GUEST_MEMORY_BYTES,
        compiler: compile_limits.compiler(),
    })?)
}
