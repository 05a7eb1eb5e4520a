//! Why a call into a guest returned no answer.

/// Why the host interrupted a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum InterruptReason {
    #[error("cancelled")]
    Cancelled,
    #[error("out of time")]
    OutOfTime,
}

/// Why a component gave no answer that can be used. The closed set of reasons a client may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuestFailure {
    /// It crashed.
    Trapped,
    /// It used up its time.
    TimedOut,
    /// It used up its memory.
    OutOfMemory,
    /// Its answer is larger than allowed.
    ReplyTooLarge,
    /// Its answer breaks the contract.
    BrokeContract,
}

impl GuestFailure {
    /// As the `type` of an item's error spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trapped => "trapped",
            Self::TimedOut => "timed out",
            Self::OutOfMemory => "out of memory",
            Self::ReplyTooLarge => "reply too large",
            Self::BrokeContract => "broke the contract",
        }
    }

    /// For the client whose item provoked it.
    pub fn message(self) -> &'static str {
        match self {
            Self::Trapped => "The component that validates contacts crashed on this item. Nothing of it was stored.",
            Self::TimedOut => {
                "The component that validates contacts took too long over this item. Nothing of it was stored."
            }
            Self::OutOfMemory => {
                "The component that validates contacts ran out of memory on this item. Nothing of it was stored."
            }
            Self::ReplyTooLarge => {
                "The component that validates contacts answered too much for this item. Nothing of it was stored."
            }
            Self::BrokeContract => {
                "The component that validates contacts gave an answer that breaks its contract. Nothing of this item was stored."
            }
        }
    }
}

/// How a call ended without an answer. The instance is dead after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The job was cancelled.
    Cancelled,
    /// The guest failed.
    Failed {
        /// In which way.
        failure: GuestFailure,
        /// What happened, for the log: the trap, and what the guest printed.
        detail: String,
    },
    /// The host could not run the guest now; not the guest's fault.
    HostUnavailable(String),
}

impl CallError {
    pub(super) fn broke_contract(detail: impl Into<String>) -> Self {
        Self::Failed { failure: GuestFailure::BrokeContract, detail: detail.into() }
    }
}
