//! What a call's client is told besides the outcome: warnings in the body, and ignored members in a header, because Mautic's
//! bodies have no place for them.

use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::reply::Reply;
use crate::domain::IgnoredTally;

/// The names of members that no field knows, in percent-encoding and separated by commas.
const IGNORED: &str = "bulkhead-ignored";
/// How many members have names that are not in [`IGNORED`].
const IGNORED_OTHERS: &str = "bulkhead-ignored-others";

/// Bytes of the value of [`IGNORED`]. Proxies take headers of 4 KiB and more.
const MAX_IGNORED_BYTES: usize = 2 << 10;
/// What separates two names.
const SEPARATOR: &str = ", ";

/// The characters that are not sent as they are: all but those that are unreserved in URLs.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names the ignored members in the headers of an answer, as far as there is room.
pub(super) fn tell_ignored(reply: &mut Reply, ignored: &IgnoredTally) {
    let (names, others) = header_values(ignored);
    if let Ok(names) = HeaderValue::from_str(&names)
        && !names.is_empty()
    {
        reply.headers_mut().insert(IGNORED, names);
    }
    if others > 0 {
        reply.headers_mut().insert(IGNORED_OTHERS, HeaderValue::from(others));
    }
}

/// Returns the names that have room, and the number of all other members.
fn header_values(ignored: &IgnoredTally) -> (String, u64) {
    let (mut value, mut others) = (String::new(), ignored.others);
    for (name, items) in &ignored.names {
        let escaped = utf8_percent_encode(name, ESCAPED).to_string();
        let separator = if value.is_empty() { "" } else { SEPARATOR };
        // An empty name cannot be seen in a list.
        if escaped.is_empty() || value.len() + separator.len() + escaped.len() > MAX_IGNORED_BYTES {
            others = others.saturating_add(*items);
        } else {
            value.push_str(separator);
            value.push_str(&escaped);
        }
    }
    (value, others)
}

#[cfg(test)]
mod tests {
    use super::{MAX_IGNORED_BYTES, header_values};
    use crate::domain::IgnoredTally;

    fn tally(names: &[&str], others: u64) -> IgnoredTally {
        IgnoredTally { names: names.iter().map(|name| ((*name).to_owned(), 2)).collect(), others }
    }

    #[test]
    fn names_are_escaped_and_bounded() {
        for (names, others, expected) in [
            (&[][..], 0, (String::new(), 0)),
            (&["utmtags", "e-mail"], 0, (String::from("e-mail, utmtags"), 0)),
            (
                &["a, b", "\r\nSet-Cookie: x", "é", ""],
                3,
                (String::from("%0D%0ASet-Cookie%3A%20x, a%2C%20b, %C3%A9"), 5),
            ),
        ] {
            assert_eq!(header_values(&tally(names, others)), expected, "{names:?}");
        }
        let long: Vec<String> = (0..100).map(|number| format!("{number}{}", "ü".repeat(40))).collect();
        let (value, others) = header_values(&tally(&long.iter().map(String::as_str).collect::<Vec<_>>(), 0));
        let told = value.split(", ").count();
        assert!(value.len() <= MAX_IGNORED_BYTES && told > 5, "{value}");
        assert_eq!(others, 2 * (100 - told as u64));
    }
}
