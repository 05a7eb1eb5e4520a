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

    /// Parses a day, or a day and a time with whole or fractional seconds, such as `2026-11-24 13:36:49`. Without a zone it is in
    /// UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let mut text = text.trim().replacen(' ', "T", 1);
        if text.len() == "2026-11-24".len() {
            text.push_str("T00:00:00");
        }
        let time = text.split_once('T').map_or("", |(_, time)| time);
        if !time.contains(['Z', 'z', '+', '-']) {
            text.push('Z');
        }
        let micros = OffsetDateTime::parse(&text, &Rfc3339).ok()?.unix_timestamp_nanos() / 1_000;
        i64::try_from(micros).ok().map(Self)
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
    fn times_are_parsed_in_the_forms_that_clients_write() {
        let second = Some(Timestamp(1_764_000_000_000_000));
        for (text, expected) in [
            ("2025-11-24 16:00:00", second),
            ("2025-11-24T16:00:00", second),
            (" 2025-11-24T16:00:00Z ", second),
            ("2025-11-24T17:00:00+01:00", second),
            ("2025-11-24T11:00:00-05:00", second),
            ("2025-11-24T16:00:00.5Z", Some(Timestamp(1_764_000_000_500_000))),
            ("2025-11-24", Some(Timestamp(1_763_942_400_000_000))),
            ("2025-02-30", None),
            ("yesterday", None),
            ("1764000000", None),
            ("", None),
        ] {
            assert_eq!(Timestamp::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn times_are_formatted_in_utc_without_fractions() {
        assert_eq!(Timestamp(1_764_000_000_123_456).to_rfc3339(), "2025-11-24T16:00:00Z");
        assert_eq!(Timestamp(1_764_000_000_123_456).to_wire(), "2025-11-24T16:00:00+00:00");
        assert_eq!(Timestamp(-1).to_rfc3339(), "1969-12-31T23:59:59Z");
        assert_eq!(Timestamp(i64::MAX).to_rfc3339(), "1970-01-01T00:00:00Z");
    }
}
