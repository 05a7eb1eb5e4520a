//! Which settings of a tenant somebody saw, so that they change no others.

use std::fmt;

use crate::domain::Digest;
use crate::store::Tenant;

/// What a tenant's profile, limits and components were at a moment, as a text that a page can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingsVersion(Digest);

impl SettingsVersion {
    /// Returns the version of a tenant's settings.
    pub fn of(tenant: &Tenant) -> Self {
        let Tenant { profile, limits, assigned, .. } = tenant;
        let component = |digest: Option<Digest>| digest.map_or_else(String::new, |digest| digest.to_string());
        let (processor, validator) = (component(assigned.processor), component(assigned.validator));
        let settings = format!("{} {processor} {validator} {limits:?}", profile.digest());
        Self(Digest::of(settings.as_bytes()))
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
