//! The parsed profiles that were used last. Every request loads its tenant, and a profile can be large.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::tenants::StoredProfile;

/// Profiles that are kept at most.
const MAX_PROFILES: usize = 64;
/// Bytes of their texts that are kept at most.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// Parses profiles, and keeps the ones that were used last.
#[derive(Debug, Default)]
pub(crate) struct ProfileCache {
    kept: Mutex<Kept>,
}

/// The profiles, the last used one at the back.
#[derive(Debug, Default)]
struct Kept {
    profiles: VecDeque<StoredProfile>,
    text_bytes: usize,
}

impl ProfileCache {
    /// Returns the profile of a stored text, parsed now or earlier.
    pub(crate) fn parse(&self, text: &str) -> StoredProfile {
        if let Some(profile) = self.kept.lock().get(text) {
            return profile;
        }
        // Without the lock, so that no other request waits for a large profile.
        let profile = StoredProfile::parse(text);
        self.kept.lock().insert(profile.clone());
        profile
    }
}

impl Kept {
    fn get(&mut self, text: &str) -> Option<StoredProfile> {
        let place = self.profiles.iter().rposition(|profile| profile.text() == text)?;
        let profile = self.profiles.remove(place)?;
        self.profiles.push_back(profile.clone());
        Some(profile)
    }

    fn insert(&mut self, profile: StoredProfile) {
        if profile.text().len() > MAX_TEXT_BYTES {
            return;
        }
        self.text_bytes += profile.text().len();
        self.profiles.push_back(profile);
        while self.profiles.len() > MAX_PROFILES || self.text_bytes > MAX_TEXT_BYTES {
            let Some(oldest) = self.profiles.pop_front() else { break };
            self.text_bytes -= oldest.text().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MAX_PROFILES, MAX_TEXT_BYTES, ProfileCache};
    use crate::tenants::Profile;

    fn load(cache: &ProfileCache, text: &str) -> Arc<Profile> {
        Arc::clone(cache.parse(text).profile().unwrap())
    }

    #[test]
    fn a_profile_is_parsed_once() {
        let cache = ProfileCache::default();
        assert!(Arc::ptr_eq(&load(&cache, "{}"), &load(&cache, "{}")));
        assert!(!Arc::ptr_eq(&load(&cache, "{}"), &load(&cache, "{} ")));
    }

    #[test]
    fn the_number_and_the_size_of_kept_profiles_are_bounded() {
        let cache = ProfileCache::default();
        let (empty, first) = (load(&cache, "{}"), load(&cache, r#"{"maxLength":1}"#));
        for length in 2..=MAX_PROFILES {
            load(&cache, &format!(r#"{{"maxLength":{length}}}"#));
            assert!(Arc::ptr_eq(&load(&cache, "{}"), &empty), "a profile that is used stays");
        }
        assert!(
            !Arc::ptr_eq(&load(&cache, r#"{"maxLength":1}"#), &first),
            "the profile that was used longest ago is dropped"
        );
        assert_eq!(cache.kept.lock().profiles.len(), MAX_PROFILES);
        let large = format!("{{}}{}", " ".repeat(MAX_TEXT_BYTES));
        assert_eq!(*load(&cache, &large).text(), large);
        let kept = cache.kept.lock();
        assert_eq!(kept.profiles.len(), MAX_PROFILES);
        assert!(kept.text_bytes < MAX_TEXT_BYTES, "a profile that is too large is not kept");
    }
}
