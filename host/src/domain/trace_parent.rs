//! `traceparent`: a span of a trace, by W3C Trace Context. Requests name the span that they belong to, and a job keeps the span of the
//! request that it was accepted by.

use std::fmt;

/// The id of a trace, which is never zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// Returns the bytes, of which one is not zero.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }
}

/// A span of a trace, perhaps of another program. Its id is never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: TraceId,
    span: [u8; 8],
    is_sampled: bool,
}

impl TraceParent {
    /// Makes a span of the ids of a trace and of a span; `None` if one of them is zero.
    pub fn new(trace: [u8; 16], span: [u8; 8], is_sampled: bool) -> Option<Self> {
        let is_usable = trace != [0; 16] && span != [0; 8];
        is_usable.then_some(Self { trace: TraceId(trace), span, is_sampled })
    }

    /// Parses the value of the header; `None` if it names no span. Of versions later than this program, as much counts as is known.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let [version] = bytes(version)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return None;
        }
        let [flags] = bytes(flags)?;
        Self::new(bytes(trace)?, bytes(span)?, flags & 1 == 1)
    }

    /// Returns the trace.
    pub fn trace(self) -> TraceId {
        self.trace
    }

    /// Returns the id of the span.
    pub fn span(self) -> [u8; 8] {
        self.span
    }

    /// Returns whether the program that made the span sends it to its collector.
    pub fn is_sampled(self) -> bool {
        self.is_sampled
    }

    /// Returns the trace if the span is sampled, so that somebody can look it up.
    pub fn sampled_trace(self) -> Option<TraceId> {
        self.is_sampled.then_some(self.trace)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "00-{}-{}-{:02x}", self.trace, hex::encode(self.span), u8::from(self.is_sampled))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Reads bytes in hexadecimal digits, which are small letters.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::TraceParent;

    #[test]
    fn a_span_is_named_by_the_rules_of_the_specification() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (value, sampled) in [
            (format!("00-{trace}-00f067aa0ba902b7-01"), Some(true)),
            (format!("00-{trace}-00f067aa0ba902b7-00"), Some(false)),
            (format!("00-{trace}-00f067aa0ba902b7-fe"), Some(false)),
            (format!("00-{trace}-00f067aa0ba902b7-ff"), Some(true)),
            (format!("01-{trace}-00f067aa0ba902b7-01"), Some(true)),
            (format!("01-{trace}-00f067aa0ba902b7-01-more"), Some(true)),
            (format!("01-{trace}-00f067aa0ba902b7-01more"), None),
            (format!("00-{trace}-00f067aa0ba902b7-01-more"), None),
            (format!("00-{trace}-00f067aa0ba902b7-01-"), None),
            (format!("ff-{trace}-00f067aa0ba902b7-01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()), None),
            (format!("00-{trace}-00f067aa0ba902B7-01"), None),
            (format!("0-{trace}-00f067aa0ba902b7-01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (format!("00-{trace}-0000000000000000-01"), None),
            (format!("00-{trace}-00f067aa0ba902b7"), None),
            (format!("00-{trace}0-00f067aa0ba902b7-01"), None),
            (format!(" 00-{trace}-00f067aa0ba902b7-01"), None),
            (format!("00_{trace}_00f067aa0ba902b7_01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", "ä".repeat(16)), None),
            (String::from("nonsense"), None),
            (String::new(), None),
        ] {
            let parsed = TraceParent::parse(&value);
            assert_eq!(parsed.map(TraceParent::is_sampled), sampled, "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn what_is_written_is_read_again(text in "(00|01|ff)-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", other in any::<String>()) {
            if let Some(parent) = TraceParent::parse(&text) {
                assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
            }
            TraceParent::parse(&other);
        }
    }
}
