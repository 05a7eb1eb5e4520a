//! Which settings of a tenant somebody saw, so that they change no others.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::domain::Digest;
use crate::store::Tenant;

/// What a tenant's profile, limits and components were at a moment, as a text that a page can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingsVersion(Digest);

impl SettingsVersion {
    /// Returns the version of a tenant's settings.
    pub fn of(tenant: &Tenant) -> Self {
        let mut hash = Sha256::new();
        hash.update(tenant.profile.digest().0);
        // The limits are numbers, so this cannot fail.
        hash.update(serde_json::to_vec(&tenant.limits).unwrap_or_default());
        for component in [tenant.assigned.processor, tenant.assigned.validator] {
            hash.update([u8::from(component.is_some())]);
            hash.update(component.map_or([0; 32], |digest| digest.0));
        }
        Self(Digest(hash.finalize().into()))
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(Digest(bytes)))
    }
}

impl fmt::Display for SettingsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::SettingsVersion;
    use crate::domain::{Assignment, Digest, TenantId};
    use crate::store::Tenant;
    use crate::tenants::{Profile, TenantLimits};

    #[test]
    fn each_change_makes_another_version() {
        let tenant = Tenant {
            id: TenantId(1),
            name: String::from("acme"),
            profile: Profile::default().into(),
            limits: TenantLimits::default(),
            assigned: Assignment::default(),
        };
        let (one, other) = (Some(Digest([1; 32])), Some(Digest([2; 32])));
        let assigned =
            |processor, validator| Tenant { assigned: Assignment { processor, validator }, ..tenant.clone() };
        let tenants = [
            tenant.clone(),
            Tenant { profile: Profile::parse(r#"{"settings": {}}"#).unwrap().into(), ..tenant.clone() },
            Tenant { limits: TenantLimits { undo_days: 3, ..TenantLimits::default() }, ..tenant.clone() },
            assigned(one, None),
            assigned(None, one),
            assigned(other, None),
            assigned(one, other),
            assigned(other, one),
        ];
        let versions: Vec<SettingsVersion> = tenants.iter().map(SettingsVersion::of).collect();
        for (index, version) in versions.iter().enumerate() {
            assert_eq!(SettingsVersion::parse(&version.to_string()), Some(*version));
            assert_eq!(versions.iter().filter(|other| *other == version).count(), 1, "{index}");
        }
        for text in ["", "0", "zz", &"0".repeat(63), &"0".repeat(65)] {
            assert_eq!(SettingsVersion::parse(text), None, "{text}");
        }
    }
}
