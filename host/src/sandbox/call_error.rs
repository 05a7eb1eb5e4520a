//! Why a call into a guest returned no reply.

/// How a component failed. A client sees one of these reasons and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuestFailure {
    /// The component crashed.
    Trapped,
    /// The component used up its time.
    TimedOut,
    /// The component used up its memory.
    OutOfMemory,
    /// The component's reply is larger than its limits allow.
    ReplyTooLarge,
    /// The component's reply breaks the contract.
    BrokeContract,
}

impl GuestFailure {
    /// All failures.
    pub const ALL: [Self; 5] =
        [Self::Trapped, Self::TimedOut, Self::OutOfMemory, Self::ReplyTooLarge, Self::BrokeContract];

    /// Returns the failure as the `type` of an item's error spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trapped => "trapped",
            Self::TimedOut => "timed out",
            Self::OutOfMemory => "out of memory",
            Self::ReplyTooLarge => "reply too large",
            Self::BrokeContract => "broke the contract",
        }
    }

    /// Returns the message for the client whose item provoked the failure.
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
                "The component that validates contacts returned too large a reply for this item. Nothing of it was stored."
            }
            Self::BrokeContract => {
                "The component that validates contacts returned a reply that breaks its contract. Nothing of this item was stored."
            }
        }
    }
}

/// Why a call returned no reply. The instance is dead after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// The job or the request was cancelled.
    Cancelled,
    /// The guest failed.
    Failed {
        /// In which way.
        failure: GuestFailure,
        /// Details for the log, bounded: the trap, and what the guest printed.
        detail: String,
    },
    /// The host could not run the guest now, which is not the guest's fault. The text is for the log.
    HostUnavailable(String),
}

impl CallError {
    pub(super) fn broke_contract(detail: impl Into<String>) -> Self {
        Self::Failed { failure: GuestFailure::BrokeContract, detail: detail.into() }
    }
}
