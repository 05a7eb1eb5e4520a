//! The busiest tenants. Nobody is named unless the operator asks for so many.
//!
//! A tenant that is named keeps its series while it is among the busiest; everything else counts for `other`. A tenant that becomes
//! busier than the least busy one that is named takes that one's place, and is counted from then on. So no series ever goes
//! down, and there are never more than the operator asked for.

use std::collections::HashMap;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Tenants whose work is remembered to find the busiest. If there are more, all are forgotten that are not named.
const MAX_REMEMBERED: usize = 4_096;
/// How much busier than the least busy named tenant another one must be to take its place.
const FACTOR: u64 = 2;
/// The name of all tenants that are not named. No tenant can have it.
const OTHER: &str = "_other";

/// The busiest tenants.
pub struct TenantMetrics {
    contacts: Family<TenantLabels, Counter>,
    named: Mutex<Named>,
}

#[derive(Debug, Default)]
struct Named {
    places: usize,
    /// Items of each remembered tenant, and whether the tenant is named.
    tenants: HashMap<String, (u64, bool)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    tenant: String,
}

impl TenantMetrics {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let metrics = Self { contacts: Family::default(), named: Mutex::default() };
        registry.register(
            "tenant_contacts",
            "Items of committed batches of the busiest tenants, if the server was started with --metrics-tenants",
            metrics.contacts.clone(),
        );
        metrics
    }

    /// Names so many tenants from now on.
    pub fn name_busiest(&self, places: usize) {
        self.named.lock().places = places;
    }

    /// Counts items of a tenant's batch that took effect.
    pub fn committed(&self, tenant: &str, items: u64) {
        let mut named = self.named.lock();
        if named.places == 0 {
            return;
        }
        let (name, gone) = named.count(tenant, items);
        if let Some(gone) = gone {
            self.contacts.remove(&TenantLabels { tenant: gone });
        }
        self.contacts.get_or_create_owned(&TenantLabels { tenant: name.to_owned() }).inc_by(items);
    }
}

impl Named {
    /// Counts items, and returns under which name, and who is not named any more.
    fn count<'t>(&mut self, tenant: &'t str, items: u64) -> (&'t str, Option<String>) {
        if self.tenants.len() >= MAX_REMEMBERED && !self.tenants.contains_key(tenant) {
            self.tenants.retain(|_, (_, is_named)| *is_named);
        }
        let (count, is_named) = self.tenants.entry(tenant.to_owned()).or_default();
        *count = count.saturating_add(items);
        let count = *count;
        if *is_named {
            return (tenant, None);
        }
        let of_named = self.tenants.iter().filter(|(_, (_, is_named))| *is_named);
        let gone = if of_named.clone().count() < self.places {
            None
        } else {
            match of_named.min_by_key(|(_, (count, _))| *count) {
                Some((name, (least, _))) if count > least.saturating_mul(FACTOR) => Some(name.clone()),
                _ => return (OTHER, None),
            }
        };
        if let Some((_, is_named)) = gone.as_ref().and_then(|gone| self.tenants.get_mut(gone)) {
            *is_named = false;
        }
        if let Some((_, is_named)) = self.tenants.get_mut(tenant) {
            *is_named = true;
        }
        (tenant, gone)
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, OTHER};

    #[test]
    fn the_busiest_are_named_and_never_more_than_asked_for() {
        let mut named = Named { places: 2, ..Named::default() };
        let mut count = |tenant, items| {
            let (name, gone) = named.count(tenant, items);
            (name.to_owned(), gone)
        };
        assert_eq!(count("a", 10), (String::from("a"), None));
        assert_eq!(count("b", 1), (String::from("b"), None));
        assert_eq!(count("c", 2), (String::from(OTHER), None));
        assert_eq!(count("c", 1), (String::from("c"), Some(String::from("b"))));
        assert_eq!(count("b", 1), (String::from(OTHER), None));
        assert_eq!(count("a", 1), (String::from("a"), None));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut named = Named { places: 1, ..Named::default() };
        named.count("a", 9);
        for tenant in 0..10_000 {
            named.count(&tenant.to_string(), 1);
        }
        assert!(named.tenants.len() <= super::MAX_REMEMBERED && named.tenants.contains_key("a"));
    }
}
