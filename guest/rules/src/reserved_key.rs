//! The keys of an item that are not fields.

/// A key of an item that is not a field. The variants are in the order in which errors are reported: first the keys of
/// Mautic's form in its order, then all other keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ReservedKey {
    Id,
    Tags,
    Companies,
    Owner,
    Stage,
    DoNotContact,
    IpAddress,
    LastActive,
    OverwriteWithBlank,
}

impl ReservedKey {
    /// Every key, each at the place that `as usize` returns.
    pub(crate) const ALL: [Self; 9] = [
        Self::Id,
        Self::Tags,
        Self::Companies,
        Self::Owner,
        Self::Stage,
        Self::DoNotContact,
        Self::IpAddress,
        Self::LastActive,
        Self::OverwriteWithBlank,
    ];

    /// Returns the key's spelling in an item.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Owner => "owner",
            Self::Stage => "stage",
            Self::Companies => "companies",
            Self::Tags => "tags",
            Self::DoNotContact => "doNotContact",
            Self::IpAddress => "ipAddress",
            Self::LastActive => "lastActive",
            Self::OverwriteWithBlank => "overwriteWithBlank",
        }
    }

    /// Returns the key that is spelled `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::ReservedKey;

    #[test]
    fn all_keys_are_listed_in_their_order() {
        assert!(ReservedKey::ALL.into_iter().map(|key| key as usize).eq(0..ReservedKey::ALL.len()));
    }
}
