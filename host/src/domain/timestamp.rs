//! Points in time.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Microseconds since 1970-01-01T00:00:00Z, by the store's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Later than all other times.
    pub const LAST: Self = Self(i64::MAX);

    /// Returns this time plus `duration`; saturates.
    #[must_use]
    pub fn after(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns this time minus `duration`; saturates.
    #[must_use]
    pub fn before(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Formats the time by RFC 3339, in UTC and whole seconds, such as `2026-11-24T13:36:49Z`.
    pub fn to_rfc3339(self) -> String {
        OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1_000_000))
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok())
            .unwrap_or_else(|| String::from("1970-01-01T00:00:00Z"))
    }

    /// Formats the time in Mautic's form, such as `2026-11-24T13:36:49+00:00`.
    pub fn to_wire(self) -> String {
        let mut text = self.to_rfc3339();
        if text.ends_with('Z') {
            text.pop();
            text.push_str("+00:00");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn times_are_formatted_in_utc_without_fractions() {
        assert_eq!(Timestamp(1_764_000_000_123_456).to_rfc3339(), "2025-11-24T16:00:00Z");
        assert_eq!(Timestamp(1_764_000_000_123_456).to_wire(), "2025-11-24T16:00:00+00:00");
        assert_eq!(Timestamp(-1).to_rfc3339(), "1969-12-31T23:59:59Z");
        assert_eq!(Timestamp(i64::MAX).to_rfc3339(), "1970-01-01T00:00:00Z");
    }
}
