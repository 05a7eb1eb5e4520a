//! What every version of the contract offers to the host.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{InstancePre, ResourceAny};

use crate::domain::{ContactId, StoredContact, Timestamp, World};
use crate::sandbox::fields::{Field, Fields, Flaw};
use crate::sandbox::objection::Objection;
use crate::sandbox::raw_reply::{RawKey, RawOutcome};
use crate::sandbox::request::RequestContext;
use crate::sandbox::state::State;
use crate::tenants::{FieldEntry, Profile};

/// The beginning of all names of the contract's interfaces.
pub(in crate::sandbox) const PACKAGE: &str = "bulkhead:contacts/";
/// The interface that a component of each world exports. A component that exports both is a processor.
pub(super) const INTERFACES: [(World, &str); 2] = [(World::Processor, "batch"), (World::Validator, "validation")];

/// A version of the contract.
#[derive(Clone, Copy)]
pub(in crate::sandbox) struct Contract {
    /// As it is written behind the `@`, such as `1.0.0`.
    pub(in crate::sandbox) version: &'static str,
    /// Binds a component's exports as those of a processor; `None` if this version has no processors.
    pub(super) bind_processor: Option<Bind<dyn ProcessorContract>>,
    /// Binds a component's exports as those of a validator; `None` if this version has no validators.
    pub(super) bind_validator: Option<Bind<dyn ValidatorContract>>,
}

/// Makes the exports of a component callable.
pub(super) type Bind<C> = fn(InstancePre<State>) -> wasmtime::Result<Arc<C>>;

/// A compiled processor of one version.
pub(in crate::sandbox) trait ProcessorContract: Send + Sync {
    /// Returns whether this version says how a processor marks contacts as anonymous.
    fn marks_anonymous(&self) -> bool {
        false
    }

    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn ProcessorExports>>;
}

/// The functions of a running processor, with unchecked replies.
pub(in crate::sandbox) trait ProcessorExports: Send {
    fn fields(
        &self,
        store: &mut Store<State>,
        entries: &[FieldEntry],
    ) -> wasmtime::Result<Result<Vec<Field>, Vec<Flaw>>>;

    fn open_session(&self, store: &mut Store<State>, context: &RequestContext<'_>) -> wasmtime::Result<ResourceAny>;

    fn plan(
        &self,
        store: &mut Store<State>,
        session: ResourceAny,
        items: &[String],
    ) -> wasmtime::Result<Vec<Vec<RawKey>>>;

    fn decide(
        &self,
        store: &mut Store<State>,
        session: ResourceAny,
        found: &[StoredContact],
        objections: &[Objection],
    ) -> wasmtime::Result<Vec<RawOutcome>>;

    fn present(
        &self,
        store: &mut Store<State>,
        profile: &Profile,
        fields: &Fields,
        now: Timestamp,
        contacts: &[StoredContact],
    ) -> wasmtime::Result<Vec<String>>;

    /// Returns contacts as rows of a table; `None` if this version has no such function.
    fn cells(
        &self,
        _store: &mut Store<State>,
        _profile: &Profile,
        _fields: &Fields,
        _now: Timestamp,
        _columns: &[String],
        _contacts: &[StoredContact],
    ) -> wasmtime::Result<Option<Vec<String>>> {
        Ok(None)
    }
}

/// A compiled validator of one version.
pub(in crate::sandbox) trait ValidatorContract: Send + Sync {
    /// Returns whether `check` looks at stored contacts, which must then be found first.
    fn wants_stored(&self) -> bool;

    fn instantiate(
        &self,
        store: &mut Store<State>,
        context: &RequestContext<'_>,
    ) -> wasmtime::Result<Box<dyn ValidatorExports>>;
}

/// The function of a running validator, with an unchecked reply.
pub(in crate::sandbox) trait ValidatorExports: Send {
    /// Checks items. `stored` is the contacts that they refer to, as clients see them; it is empty if the contract does not
    /// want them.
    fn check(
        &self,
        store: &mut Store<State>,
        items: &[String],
        stored: &[(ContactId, String)],
    ) -> wasmtime::Result<Vec<Objection>>;
}

impl Contract {
    /// Returns the full name of one of this version's interfaces.
    pub(in crate::sandbox) fn interface(&self, name: &str) -> String {
        format!("{PACKAGE}{name}@{}", self.version)
    }

    /// Returns whether this version has components of a world.
    pub(super) fn has(&self, world: World) -> bool {
        match world {
            World::Processor => self.bind_processor.is_some(),
            World::Validator => self.bind_validator.is_some(),
        }
    }

    /// Returns whether a component with these exports is of a world by this version.
    pub(super) fn is_exported(&self, world: World, exports: &[impl AsRef<str>]) -> bool {
        self.has(world)
            && INTERFACES.iter().filter(|(other, _)| *other == world).any(|(_, interface)| {
                let name = self.interface(interface);
                exports.iter().any(|export| export.as_ref() == name)
            })
    }
}
