//! What a tenant may send, and what is left of it: `RateLimit-Policy` and `RateLimit` beside each submission
//! (draft-ietf-httpapi-ratelimit-headers-11), and `GET /api/limits`.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use serde::Serialize;

use super::problem::Problem;
use super::reply::{Reply, json};
use crate::jobs::Service;
use crate::store::{Tenant, Usage};
use crate::tenants::TenantLimits;

pub(super) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const MINUTE: Duration = Duration::from_secs(60);

/// One limit on what a tenant sends.
#[derive(Debug, Serialize)]
struct Policy {
    name: &'static str,
    /// The limit.
    quota: u64,
    /// What is left of it.
    remaining: u64,
    /// Seconds in which the quota can be used; `None` if it is for what there is at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    window: Option<u64>,
    /// Seconds after which all of the quota is there again.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<u64>,
    /// What is counted, unless it is requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
}

impl Policy {
    fn rate(name: &'static str, per_minute: u64, counts_for: Duration, unit: Option<&'static str>) -> Self {
        let left = MINUTE.saturating_sub(counts_for).as_micros();
        let remaining = u128::from(per_minute) * left / MINUTE.as_micros();
        let reset = counts_for.as_secs() + u64::from(counts_for.subsec_nanos() > 0);
        Self {
            name,
            quota: per_minute,
            remaining: u64::try_from(remaining).unwrap_or(u64::MAX),
            window: Some(MINUTE.as_secs()),
            reset: Some(reset),
            unit,
        }
    }

    fn stock(name: &'static str, quota: u64, used: u64, unit: Option<&'static str>) -> Self {
        Self { name, quota, remaining: quota.saturating_sub(used), window: None, reset: None, unit }
    }

    /// Returns the items of the two headers: the policy, and what is left.
    fn items(&self) -> (String, String) {
        let Self { name, quota, remaining, window, reset, unit } = self;
        let mut policy = format!("\"{name}\";q={quota}");
        policy.extend(window.map(|window| format!(";w={window}")));
        policy.extend(unit.map(|unit| format!(";qu=\"{unit}\"")));
        let mut left = format!("\"{name}\";r={remaining}");
        left.extend(reset.filter(|reset| *reset > 0).map(|reset| format!(";t={reset}")));
        (policy, left)
    }
}

fn policies(service: &Service, tenant: &Tenant) -> Result<Vec<Policy>, Problem> {
    let (limits, used) = service.queue(tenant)?;
    let TenantLimits { jobs_per_minute, contacts_per_minute, .. } = tenant.limits;
    let mut policies = vec![
        Policy::rate("jobs-per-minute", jobs_per_minute, used.jobs_count_for, None),
        Policy::stock("queued-jobs", limits.jobs, used.jobs, None),
        Policy::stock("queued-bytes", limits.bytes, used.bytes, Some("content-bytes")),
    ];
    if contacts_per_minute > 0 {
        let contacts = Some("contacts");
        policies.push(Policy::rate("contacts-per-minute", contacts_per_minute, used.contacts_count_for, contacts));
    }
    Ok(policies)
}

/// Returns the two headers of a submission's answer; none if the store does not answer. Blocks.
pub(super) fn headers(service: &Service, tenant: &Tenant) -> Vec<(HeaderName, HeaderValue)> {
    let Ok(policies) = policies(service, tenant) else { return Vec::new() };
    let (policy, left): (Vec<String>, Vec<String>) = policies.iter().map(Policy::items).unzip();
    let header =
        |(name, items): (HeaderName, Vec<String>)| Some((name, HeaderValue::from_str(&items.join(", ")).ok()?));
    [(RATE_LIMIT_POLICY, policy), (RATE_LIMIT, left)].into_iter().filter_map(header).collect()
}

#[derive(Serialize)]
struct LimitsBody {
    /// All limits of the tenant, the defaults included.
    limits: TenantLimits,
    /// What the tenant keeps.
    usage: Usage,
    /// What the tenant may send now.
    policies: Vec<Policy>,
}

/// Answers `GET /api/limits`; blocks.
pub(super) fn read(service: &Service, tenant: &Tenant) -> Result<Reply, Problem> {
    let usage = service.usage(tenant.id)?;
    let body = LimitsBody { limits: tenant.limits, usage, policies: policies(service, tenant)? };
    Ok(json(StatusCode::OK, &body))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Policy;

    #[test]
    fn policies_are_written_as_lists_of_structured_fields() {
        let rate = |seconds| Policy::rate("jobs", 600, Duration::from_secs_f64(seconds), None).items();
        assert_eq!(rate(0.0), (String::from("\"jobs\";q=600;w=60"), String::from("\"jobs\";r=600")));
        assert_eq!(rate(0.1).1, "\"jobs\";r=599;t=1");
        assert_eq!(rate(60.0).1, "\"jobs\";r=0;t=60");
        assert_eq!(rate(90.0).1, "\"jobs\";r=0;t=90");
        let bytes = Policy::stock("queued-bytes", 100, 130, Some("content-bytes")).items();
        assert_eq!(bytes.0, "\"queued-bytes\";q=100;qu=\"content-bytes\"");
        assert_eq!(bytes.1, "\"queued-bytes\";r=0");
    }
}
