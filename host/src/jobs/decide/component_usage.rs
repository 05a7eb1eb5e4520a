//! The resources that components use.

use crate::sandbox::Usage;

/// The resources that a request's components have used.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::jobs) struct ComponentUsage {
    pub(in crate::jobs) processor: Usage,
    /// Zero without a validator.
    pub(in crate::jobs) validator: Usage,
}

impl ComponentUsage {
    /// Adds the usage of other instances of the same components.
    pub(super) fn and(self, other: Self) -> Self {
        Self { processor: self.processor.and(other.processor), validator: self.validator.and(other.validator) }
    }
}
