//! How a call into a guest ends before its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that makes every guest which watches it stop at the next tick.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Raises the flag, for good.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why the host interrupted a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Interrupt {
    #[error("cancelled")]
    Cancelled,
    #[error("out of time")]
    OutOfTime,
}

/// Why a component gave no answer that can be used. The closed set of reasons a client may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
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

impl Failure {
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
pub enum Stop {
    /// The job was cancelled.
    Cancelled,
    /// The guest failed.
    Failed {
        /// In which way.
        failure: Failure,
        /// What happened, for the log: the trap, and what the guest printed.
        detail: String,
    },
    /// The host could not run the guest now; not the guest's fault.
    Host(String),
}

impl Stop {
    pub(super) fn broke_contract(detail: impl Into<String>) -> Self {
        Self::Failed { failure: Failure::BrokeContract, detail: detail.into() }
    }
}
