//! What the compiler's process says: one line of JSON, behind which the compiled code follows.

use serde::{Deserialize, Serialize};

use crate::sandbox::inspect::{Contents, ContentsError};

/// Bytes of the line. The names of a component's imports and exports are the largest part of it.
pub(super) const MAX_REPORT_BYTES: usize = 1 << 20;

/// The line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// What the component contains.
    Contents(Contents),
    /// The component was refused when it was read.
    Refused(ContentsError),
    /// The component was compiled.
    Compiled {
        /// The engine that the code was made for, by [`crate::sandbox::engine::fingerprint`].
        engine: u64,
        /// Bytes of the code, which follow the line.
        bytes: u64,
        /// SHA-256 of the code.
        sha256: [u8; 32],
    },
    /// The engine refused the component.
    Invalid(String),
}
