//! From when to when a certificate is valid, and whether it is an authority's.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::BasicConstraints;

use crate::domain::Timestamp;

/// Time before the end of a certificate in which it should be renewed: programs that renew certificates do so earlier.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// From when to when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateValidity {
    /// The first moment.
    pub begin: Timestamp,
    /// The last moment.
    pub end: Timestamp,
}

/// How a certificate stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateState {
    /// It is valid for two weeks at least.
    Valid,
    /// It expires within two weeks.
    ExpiresSoon,
    /// It has expired, so no client connects.
    Expired,
    /// It is not valid yet, or the clock is behind.
    NotValidYet,
}

impl CertificateState {
    /// Returns the state's name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::ExpiresSoon => "expires_soon",
            Self::Expired => "expired",
            Self::NotValidYet => "not_valid_yet",
        }
    }
}

impl CertificateValidity {
    /// Reads the validity of a certificate; `None` if it is damaged.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
        let [begin, end] =
            [validity.not_before, validity.not_after].map(|time| Timestamp(0).after(time.to_unix_duration()));
        Some(Self { begin, end })
    }

    /// Returns how the certificate stands at a moment.
    pub fn at(self, now: Timestamp) -> CertificateState {
        if now > self.end {
            CertificateState::Expired
        } else if now < self.begin {
            CertificateState::NotValidYet
        } else if self.end < now.after(SOON) {
            CertificateState::ExpiresSoon
        } else {
            CertificateState::Valid
        }
    }
}

/// Returns whether a certificate is that of an authority (`CA:TRUE`), which is to sign others and not to be a server's.
pub(super) fn is_of_authority(certificate: &CertificateDer<'_>) -> bool {
    let constraints = Certificate::from_der(certificate).and_then(|certificate| {
        let found = certificate.tbs_certificate.get::<BasicConstraints>()?;
        Ok(found.is_some_and(|(_, constraints)| constraints.ca))
    });
    constraints.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::CertificateState::{Expired, ExpiresSoon, NotValidYet, Valid};
    use super::{CertificateValidity, is_of_authority};
    use crate::domain::Timestamp;

    #[test]
    fn a_certificate_says_from_when_to_when_it_is_valid() {
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2026, 3, 1);
        // Beyond 2049, certificates write years in another form.
        params.not_after = date_time_ymd(2051, 5, 31);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let validity = CertificateValidity::of(certificate.der()).unwrap();
        for (now, expected) in [
            ("2026-02-28 23:59:59", NotValidYet),
            ("2026-03-01", Valid),
            ("2051-05-17", Valid),
            ("2051-05-17 00:00:01", ExpiresSoon),
            ("2051-05-31", ExpiresSoon),
            ("2051-05-31 00:00:01", Expired),
        ] {
            assert_eq!(validity.at(Timestamp::parse(now).unwrap()), expected, "{now}");
        }
        assert_eq!(CertificateValidity::of(&certificate.der()[..40].to_vec().into()), None);
    }

    #[test]
    fn a_certificate_says_whether_it_is_of_an_authority() {
        let mut params = CertificateParams::default();
        for (constraints, expected) in [
            (IsCa::NoCa, false),
            (IsCa::ExplicitNoCa, false),
            (IsCa::Ca(BasicConstraints::Unconstrained), true),
            (IsCa::Ca(BasicConstraints::Constrained(0)), true),
        ] {
            params.is_ca = constraints;
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            assert_eq!(is_of_authority(certificate.der()), expected, "{constraints:?}");
        }
    }
}
