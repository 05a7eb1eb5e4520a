//! The versions of the contract. Each has a file, which translates between its generated types and the host's own; the rest
//! of the host knows the host's types alone. A released version is served for as long as there is Bulkhead.
//!
//! A new version is one file, and one line in each list below that it belongs to.

mod v1_0;
mod v1_1;

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{InstancePre, ResourceAny};

use super::fields::{Field, Fields, Flaw};
use super::objection::Objection;
use super::raw_reply::{RawKey, RawOutcome};
use super::request::RequestContext;
use super::state::State;
use crate::domain::{ContactId, StoredContact, Timestamp, World};
use crate::tenants::{FieldEntry, Profile};

/// The versions that every server serves, the newest first.
pub(super) const RELEASED: &[Contract] = &[v1_0::CONTRACT];
/// The released versions and the drafts, the newest first.
pub(super) const WITH_DRAFTS: &[Contract] = &[v1_1::CONTRACT, v1_0::CONTRACT];

/// The beginning of all names of the contract's interfaces.
pub(super) const PACKAGE: &str = "bulkhead:contacts/";
/// The interface that a component of each world exports. A component that exports both is a processor.
const INTERFACES: [(World, &str); 2] = [(World::Processor, "batch"), (World::Validator, "validation")];

/// A version of the contract.
#[derive(Clone, Copy)]
pub(super) struct Contract {
    /// As it is written behind the `@`, such as `1.0.0`.
    pub(super) version: &'static str,
    /// Binds a component's exports as those of a processor; `None` if this version has no processors.
    bind_processor: Option<Bind<dyn ProcessorContract>>,
    /// Binds a component's exports as those of a validator; `None` if this version has no validators.
    bind_validator: Option<Bind<dyn ValidatorContract>>,
}

type Bind<C> = fn(InstancePre<State>) -> wasmtime::Result<Arc<C>>;

/// A compiled processor of one version.
pub(super) trait ProcessorContract: Send + Sync {
    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn ProcessorExports>>;
}

/// The functions of a running processor, with unchecked replies.
pub(super) trait ProcessorExports: Send {
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
}

/// A compiled validator of one version.
pub(super) trait ValidatorContract: Send + Sync {
    /// Returns whether `check` looks at stored contacts, which must then be found first.
    fn wants_stored(&self) -> bool;

    fn instantiate(
        &self,
        store: &mut Store<State>,
        context: &RequestContext<'_>,
    ) -> wasmtime::Result<Box<dyn ValidatorExports>>;
}

/// The function of a running validator, with an unchecked reply.
pub(super) trait ValidatorExports: Send {
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
    pub(super) fn interface(&self, name: &str) -> String {
        format!("{PACKAGE}{name}@{}", self.version)
    }

    fn has(&self, world: World) -> bool {
        match world {
            World::Processor => self.bind_processor.is_some(),
            World::Validator => self.bind_validator.is_some(),
        }
    }

    fn is_exported(&self, world: World, exports: &[impl AsRef<str>]) -> bool {
        self.has(world)
            && INTERFACES.iter().filter(|(other, _)| *other == world).any(|(_, interface)| {
                let name = self.interface(interface);
                exports.iter().any(|export| export.as_ref() == name)
            })
    }
}

/// Returns the world of a component, and the version of the contract that it was built against, by the names of its exports.
pub(super) fn world_of(exports: &[impl AsRef<str>], served: &'static [Contract]) -> Option<(&'static Contract, World)> {
    served.iter().find_map(|contract| {
        let world = INTERFACES.iter().map(|(world, _)| *world).find(|world| contract.is_exported(*world, exports))?;
        Some((contract, world))
    })
}

/// Binds a component's exports as those of a processor, by the newest version that it exports.
///
/// # Errors
/// If the component exports something else.
pub(super) fn bind_processor(
    exports: &[&str],
    served: &[Contract],
    component: InstancePre<State>,
) -> wasmtime::Result<Arc<dyn ProcessorContract>> {
    let bind = newest(World::Processor, exports, served).and_then(|contract| contract.bind_processor);
    bind.ok_or_else(no_version)?(component)
}

/// Binds a component's exports as those of a validator, by the newest version that it exports.
///
/// # Errors
/// If the component exports something else.
pub(super) fn bind_validator(
    exports: &[&str],
    served: &[Contract],
    component: InstancePre<State>,
) -> wasmtime::Result<Arc<dyn ValidatorContract>> {
    let bind = newest(World::Validator, exports, served).and_then(|contract| contract.bind_validator);
    bind.ok_or_else(no_version)?(component)
}

/// Returns the newest version by which a component is of a world. The names are compared here, because wasmtime itself would
/// take a newer version's function for an older one's. If none fits, the oldest version says what is missing.
fn newest<'a>(world: World, exports: &[&str], served: &'a [Contract]) -> Option<&'a Contract> {
    let fits = served.iter().find(|contract| contract.is_exported(world, exports));
    fits.or_else(|| served.iter().rfind(|contract| contract.has(world)))
}

fn no_version() -> wasmtime::Error {
    wasmtime::Error::msg("no version of the contract that this server serves has this world")
}

#[cfg(test)]
mod tests {
    use super::{RELEASED, WITH_DRAFTS, world_of};
    use crate::domain::World;

    #[test]
    fn the_newest_served_version_counts_and_a_processor_before_a_validator() {
        let world = |exports: &[&str], served| world_of(exports, served).map(|(found, world)| (found.version, world));
        let (batch, old, new) = (
            "bulkhead:contacts/batch@1.0.0",
            "bulkhead:contacts/validation@1.0.0",
            "bulkhead:contacts/validation@1.1.0",
        );
        for (exports, served, expected) in [
            (&[old][..], RELEASED, Some(("1.0.0", World::Validator))),
            (&[old, batch], RELEASED, Some(("1.0.0", World::Processor))),
            (&[old, new], RELEASED, Some(("1.0.0", World::Validator))),
            (&[old, new], WITH_DRAFTS, Some(("1.1.0", World::Validator))),
            (&[new], RELEASED, None),
            (&["bulkhead:contacts/batch@1.1.0"], WITH_DRAFTS, None),
            (&["wasi:cli/run@0.2.0"], WITH_DRAFTS, None),
        ] {
            assert_eq!(world(exports, served), expected, "{exports:?}");
        }
    }
}
