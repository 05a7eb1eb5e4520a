//! The rules of one tenant.

use std::hint::black_box;

use serde_json::Value;

use crate::bindings::bulkhead::contacts::types::Profile;
use crate::item::Item;

/// Rounds of a loop that take about a millisecond.
const ROUNDS_PER_MILLISECOND: u64 = 3_000_000;

pub(crate) struct Settings {
    domains: Option<Vec<String>>,
    pub(crate) version: Option<String>,
    /// Approximate time to compute for each item, in milliseconds.
    slow: u64,
}

impl Settings {
    pub(crate) fn of(profile: &Profile) -> Self {
        let mut settings = Self { domains: None, version: None, slow: 0 };
        for (name, value) in &profile.settings {
            let value: Value = serde_json::from_str(value).unwrap_or_default();
            match name.as_str() {
                "domains" => {
                    let domain = |value: &Value| value.as_str().map(str::to_lowercase);
                    settings.domains = Some(list(&value).iter().filter_map(domain).collect());
                }
                "version" => settings.version = value.as_str().map(str::to_owned),
                "slow" => settings.slow = value.as_u64().unwrap_or_default(),
                _ => {}
            }
        }
        settings
    }

    pub(crate) fn domain_objection(&self, item: &Item<'_>) -> Option<String> {
        let (domains, email) = (self.domains.as_ref()?, item.string("email")?.to_lowercase());
        let domain = email.trim().rsplit_once('@').map_or("", |(_, domain)| domain);
        let is_fine = email.is_empty() || domains.iter().any(|allowed| allowed == domain);
        (!is_fine).then(|| format!("Only addresses of {} are accepted.", domains.join(", ")))
    }

    pub(crate) fn compute(&self) {
        black_box((0..self.slow.saturating_mul(ROUNDS_PER_MILLISECOND)).fold(0_u64, |sum, n| black_box(sum ^ n)));
    }
}

/// Returns the elements of a list, and traps on anything else, as the code of an author who did not think of that.
#[expect(clippy::panic, reason = "the trap is what tests look for")]
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        _ => panic!("the setting 'domains' is a list"),
    }
}
