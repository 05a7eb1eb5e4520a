//! The versions of the contract. Each has a file, which translates between its generated types and the host's own; the rest
//! of the host knows the host's types alone. A released version is served for as long as there is Bulkhead.
//!
//! A new version is one file, and one line in each list below that it belongs to.

mod contract;
mod v1_0;
mod v1_1;

use std::sync::Arc;

use wasmtime::component::InstancePre;

use self::contract::INTERFACES;
pub(super) use self::contract::{
    Contract, PACKAGE, ProcessorContract, ProcessorExports, ValidatorContract, ValidatorExports,
};
use super::state::State;
use crate::domain::World;

/// The versions that every server serves, the newest first.
pub(super) const RELEASED: &[Contract] = &[v1_0::CONTRACT];
/// The released versions and the drafts, the newest first.
pub(super) const WITH_DRAFTS: &[Contract] = &[v1_1::CONTRACT, v1_0::CONTRACT];

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
            "bulkhead:contacts/validation@1.1.0-draft",
        );
        for (exports, served, expected) in [
            (&[old][..], RELEASED, Some(("1.0.0", World::Validator))),
            (&[old, batch], RELEASED, Some(("1.0.0", World::Processor))),
            (&[old, new], RELEASED, Some(("1.0.0", World::Validator))),
            (&[old, new], WITH_DRAFTS, Some(("1.1.0-draft", World::Validator))),
            (&[new], RELEASED, None),
            (&["bulkhead:contacts/batch@1.1.0-draft"], WITH_DRAFTS, Some(("1.1.0-draft", World::Processor))),
            (&["bulkhead:contacts/batch@1.1.0-draft", batch], RELEASED, Some(("1.0.0", World::Processor))),
            (&["bulkhead:contacts/batch@2.0.0"], WITH_DRAFTS, None),
            (&["wasi:cli/run@0.2.0"], WITH_DRAFTS, None),
        ] {
            assert_eq!(world(exports, served), expected, "{exports:?}");
        }
    }
}
