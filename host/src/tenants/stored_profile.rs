//! Profiles as the store has them.

use std::sync::{Arc, OnceLock};

use super::{Profile, ProfileError};
use crate::domain::Digest;

/// A profile that was read from the store. This server may be unable to read the profile of a newer server: then the profile
/// is kept as text, jobs pin it as it is, and their items fail with the error. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StoredProfile {
    parsed: Result<Arc<Profile>, Arc<Unreadable>>,
    digest: Arc<OnceLock<Digest>>,
}

#[derive(Debug)]
struct Unreadable {
    text: String,
    error: ProfileError,
}

impl StoredProfile {
    /// Parses a stored text, which need not be readable.
    pub fn parse(text: &str) -> Self {
        let parsed = match Profile::parse(text) {
            Ok(profile) => Ok(Arc::new(profile)),
            Err(error) => Err(Arc::new(Unreadable { text: text.to_owned(), error })),
        };
        Self { parsed, digest: Arc::default() }
    }

    /// Returns the text that the store has.
    pub fn text(&self) -> &str {
        match &self.parsed {
            Ok(profile) => profile.text(),
            Err(unreadable) => &unreadable.text,
        }
    }

    /// Returns the SHA-256 of the text.
    pub fn digest(&self) -> Digest {
        *self.digest.get_or_init(|| Digest::of(self.text().as_bytes()))
    }

    /// Returns the profile.
    ///
    /// # Errors
    /// Why this server cannot read it.
    pub fn profile(&self) -> Result<&Arc<Profile>, &ProfileError> {
        self.parsed.as_ref().map_err(|unreadable| &unreadable.error)
    }
}

impl From<Profile> for StoredProfile {
    fn from(profile: Profile) -> Self {
        Self { parsed: Ok(Arc::new(profile)), digest: Arc::default() }
    }
}

/// Profiles are equal if their texts are equal.
impl PartialEq for StoredProfile {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for StoredProfile {}

#[cfg(test)]
mod tests {
    use super::StoredProfile;

    #[test]
    fn an_unreadable_profile_keeps_its_text_and_says_what_is_wrong() {
        let newer = r#"{"colours":["red"]}"#;
        let stored = StoredProfile::parse(newer);
        assert_eq!(stored.text(), newer);
        assert!(stored.profile().unwrap_err().to_string().starts_with("colours: there is no such member"));
        assert_eq!(StoredProfile::parse(r#"{"maxLength":5}"#).profile().unwrap().max_length, 5);
    }
}
