//! Hints about jobs as texts of notifications: `SERVER` and, behind a blank each, `w7:JOB` for a job of tenant 7 that is watched,
//! or `c7:JOB` for one that changed. What cannot be read is passed over: polling finds everything.

use uuid::Uuid;

use crate::domain::{JobId, TenantId};
use crate::store::JobHint;

/// Hints in one text. PostgreSQL takes up to 8,000 bytes, and a hint has at most 58.
const MAX_HINTS: usize = 100;

/// Returns the texts of a server's hints.
pub(super) fn encode(server: Uuid, hints: &[JobHint]) -> Vec<String> {
    let text = |hints: &[JobHint]| {
        let mut text = server.simple().to_string();
        for hint in hints {
            let (kind, tenant, job) = match *hint {
                JobHint::Watched { tenant, job } => ('w', tenant, job),
                JobHint::Changed { tenant, job } => ('c', tenant, job),
            };
            text.push_str(&format!(" {kind}{}:{job}", tenant.0));
        }
        text
    };
    hints.chunks(MAX_HINTS).map(text).collect()
}

/// Returns the hints of a text, or none if they are of `own`, the server that reads them.
pub(super) fn decode(own: Uuid, text: &str) -> impl Iterator<Item = JobHint> {
    let mut words = text.split(' ');
    let is_own = words.next().is_none_or(|server| server == own.simple().to_string());
    words.filter_map(hint).take(if is_own { 0 } else { MAX_HINTS })
}

fn hint(word: &str) -> Option<JobHint> {
    let (tenant, job) = word.get(1..)?.split_once(':')?;
    let (tenant, job) = (TenantId(tenant.parse().ok()?), JobId::parse(job)?);
    match word.as_bytes().first()? {
        b'w' => Some(JobHint::Watched { tenant, job }),
        b'c' => Some(JobHint::Changed { tenant, job }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{MAX_HINTS, decode, encode};
    use crate::domain::{JobId, TenantId};
    use crate::store::JobHint;

    #[test]
    fn hints_are_read_by_other_servers_as_they_were_sent() {
        let (own, other) = (Uuid::new_v4(), Uuid::new_v4());
        let hint = |number: i64| {
            let (tenant, job) = (TenantId(i64::MAX - number), JobId::random());
            if number % 2 == 0 { JobHint::Watched { tenant, job } } else { JobHint::Changed { tenant, job } }
        };
        for count in [0, 1, 2, MAX_HINTS, MAX_HINTS + 1, 3 * MAX_HINTS] {
            let hints: Vec<JobHint> = (0..count as i64).map(hint).collect();
            let texts = encode(other, &hints);
            assert!(texts.iter().all(|text| text.len() < 8_000), "{count}");
            assert_eq!(texts.len(), count.div_ceil(MAX_HINTS));
            assert_eq!(texts.iter().flat_map(|text| decode(own, text)).collect::<Vec<_>>(), hints);
            assert_eq!(texts.iter().flat_map(|text| decode(other, text)).count(), 0, "a server's own hints");
        }
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let own = Uuid::new_v4();
        let job = JobId::random();
        for text in ["", "x", "x w", "x w7", "x w7:", "x w7:7", "x ü7:7", "x w:", &format!("x z7:{job}")] {
            assert_eq!(decode(own, text).count(), 0, "{text}");
        }
        assert_eq!(decode(own, &format!("x z7:{job} w8:{job}")).count(), 1);
    }
}
