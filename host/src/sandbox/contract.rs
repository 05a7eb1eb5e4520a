//! The versions of the contract. Each is served for ever once it is released; what was built against an older one is lifted to
//! the newest where it is called.

use crate::domain::World;

/// The package of the contract.
pub(super) const PACKAGE: &str = "bulkhead:contacts/";

/// A version of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// 1.0.0.
    V1_0,
    /// The draft of 1.1.0.
    V1_1,
}

impl Contract {
    /// Those that every server serves.
    pub(super) const RELEASED: &[Self] = &[Self::V1_0];
    /// Those and drafts, the newest first.
    pub(super) const ALL: &[Self] = &[Self::V1_1, Self::V1_0];

    /// As it is written behind the `@`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0.0",
            Self::V1_1 => "1.1.0",
        }
    }

    /// What a component of each world exports by this version; a processor before a validator, if it is both.
    pub(super) fn worlds(self) -> &'static [(World, &'static str)] {
        match self {
            Self::V1_0 => &[(World::Processor, "batch"), (World::Validator, "validation")],
            Self::V1_1 => &[(World::Validator, "validation")],
        }
    }

    /// The full name of one of this version's interfaces.
    pub(super) fn interface(self, name: &str) -> String {
        format!("{PACKAGE}{name}@{}", self.as_str())
    }
}

/// What a component is, by the names of its exports.
pub(super) fn world_of(exports: &[impl AsRef<str>], served: &[Contract]) -> Option<(Contract, World)> {
    let is_exported = |name: &str| exports.iter().any(|export| export.as_ref() == name);
    served.iter().find_map(|contract| {
        let found = contract.worlds().iter().find(|(_, interface)| is_exported(&contract.interface(interface)));
        found.map(|(world, _)| (*contract, *world))
    })
}
