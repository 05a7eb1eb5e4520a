//! Names of tenants.

/// A tenant's name: 1 to 63 lower-case letters, digits, `-` and `_`, beginning with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantName(String);

/// A text that is not a tenant's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' cannot be a tenant's name: use 1 to 63 lower-case letters, digits, '-' and '_', beginning with a letter or digit"
)]
pub struct NameError(String);

impl TenantName {
    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for TenantName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let valid =
            text.len() <= 63 && text.starts_with(allowed) && text.chars().all(|c| allowed(c) || c == '-' || c == '_');
        if valid { Ok(Self(text.to_owned())) } else { Err(NameError(text.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::TenantName;

    #[test]
    fn names_have_letters_digits_hyphens_and_underscores() {
        for good in ["demo", "a", "0", "acme-eu_2", &"x".repeat(63)] {
            assert!(good.parse::<TenantName>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "Demo", "a b", "ü", "a:b", "a/b", &"x".repeat(64)] {
            assert!(bad.parse::<TenantName>().is_err(), "{bad}");
        }
    }
}
