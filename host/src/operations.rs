//! What operators do: add, change and remove tenants, replace their secrets, register components and give them to tenants, look
//! at jobs, stop them, and read what components printed. The command line, the operators' HTTP API and the console are three ways to
//! [`Operations`]. All methods block.

mod audit;
mod components;
mod error;
mod jobs;
mod runtime;
mod secrets;
mod settings_version;
mod tenant_settings;
mod tenants;
mod views;
mod webhook_act;
mod webhooks;

use std::sync::Arc;

use parking_lot::Mutex;

pub use audit::{Act, Action, AuditLog, MAX_AUDIT_ENTRIES, Operator};
pub use components::AddedComponent;
pub use error::OperationError;
pub use jobs::{ExportError, RefusedRows};
pub use runtime::{ComponentRuntime, LoadError};
pub use secrets::{AddedSecret, SecretSettings};
pub use settings_version::SettingsVersion;
pub use tenant_settings::{ChangedTenant, ComponentChoice, TenantSettings};
pub use tenants::{AddedTenant, StoredTenant};
pub use views::{
    AddedSecretView, AddedTenantView, AssignmentView, AuditEntryView, ComponentNames, ComponentView, JobView,
    RemovedTenantView, RevokedSecretView, RevokedTokensView, SecretView, TenantComponentsView, TenantSummaryView,
    TenantView, UndoPreviewView,
};
pub use webhook_act::{OperatorsWebhookError, WebhookAct, WebhookOutcome};
pub use webhooks::{WebhookMessageView, WebhookView};

use crate::store::Store;
use crate::webhooks::WebhookNetworks;
use runtime::LazyRuntime;

/// Bytes that a component may have, unless the operator sets another limit.
pub const MAX_COMPONENT_BYTES: usize = 32 << 20;

/// An operator's access to a store and its components.
#[derive(Clone)]
pub struct Operations {
    store: Arc<dyn Store>,
    audit: AuditLog,
    runtime: Arc<LazyRuntime>,
    max_component_bytes: usize,
    /// Held while a component is tried: compiling takes all cores and much memory.
    probing: Arc<Mutex<()>>,
    /// The networks besides the public Internet that messages to endpoints may be sent to.
    webhook_networks: WebhookNetworks,
}

impl Operations {
    /// Creates the operations of `operator` on `store`. `load` loads what runs components; it is called when an operation first needs to
    /// run one, as it may have to compile the default processor. Components larger than `max_component_bytes` are refused.
    pub fn new(
        store: Arc<dyn Store>,
        operator: Operator,
        max_component_bytes: usize,
        load: impl Fn() -> Result<ComponentRuntime, LoadError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            audit: AuditLog::new(Arc::clone(&store), operator),
            store,
            runtime: Arc::new(LazyRuntime::new(load)),
            max_component_bytes,
            probing: Arc::default(),
            webhook_networks: WebhookNetworks::default(),
        }
    }
}
