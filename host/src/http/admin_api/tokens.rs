//! The tokens with which operators authenticate.

use crate::tenants::Secret;

/// The tokens with which operators authenticate: one for everything, and perhaps one that only reads.
#[derive(Debug)]
pub struct OperatorTokens {
    /// The token for everything.
    pub full: Secret,
    /// The token that only reads.
    pub read: Option<Secret>,
}

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum OperatorRights {
    Full,
    Read,
}

impl OperatorRights {
    /// Returns what the operator is called in logs.
    pub(in crate::http) fn caller(self) -> &'static str {
        match self {
            Self::Full => "operator",
            Self::Read => "read-only operator",
        }
    }
}

/// The tokens, as hashes: comparing these takes a time that reveals nothing about a token.
pub(in crate::http) struct TokenHashes {
    full: [u8; 32],
    read: Option<[u8; 32]>,
}

impl TokenHashes {
    pub(in crate::http) fn new(tokens: &OperatorTokens) -> Self {
        Self { full: tokens.full.hash(), read: tokens.read.as_ref().map(Secret::hash) }
    }

    /// Returns what an operator may do who shows a token with this hash; `None` if there is no such token.
    pub(in crate::http) fn rights(&self, hash: &[u8; 32]) -> Option<OperatorRights> {
        if *hash == self.full {
            Some(OperatorRights::Full)
        } else {
            (self.read.as_ref() == Some(hash)).then_some(OperatorRights::Read)
        }
    }
}
