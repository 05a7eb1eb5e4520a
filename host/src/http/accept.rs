//! `Accept`: whether a client wants a file instead of JSON, or names another type.

use hyper::HeaderMap;
use hyper::header::ACCEPT;

use crate::export::FileType;

impl FileType {
    /// Returns the type that a client prefers to JSON, if there is one. A client that takes anything gets JSON.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges = values.flat_map(|value| value.split(','));
        // Of equal ones, the first.
        let mut best: Option<(u32, Option<Self>)> = None;
        for range in ranges {
            let mut parts = range.split(';').map(str::trim);
            let wanted = match parts.next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "text/csv" => Some(Self::Csv),
                "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Self::JsonLines),
                "application/json" | "application/*" | "*/*" => None,
                _ => continue,
            };
            let quality = quality(parts);
            if quality > best.map_or(0, |(quality, _)| quality) {
                best = Some((quality, wanted));
            }
        }
        best.and_then(|(_, wanted)| wanted)
    }

    /// Returns the value of `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/x-ndjson",
        }
    }

    /// Returns what a file's name ends in.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "ndjson",
        }
    }
}

/// Returns whether a client names a type in `Accept`, and does not weigh it 0.
pub(super) fn is_named(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(media_type)) && quality(parts) > 0
    })
}

/// Returns the quality among the parameters of a range, in thousandths: 1,000 if there is none.
pub(super) fn quality<'a>(mut parameters: impl Iterator<Item = &'a str>) -> u32 {
    parameters.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))).map_or(1_000, thousandths)
}

/// Reads a quality from 0 to 1 with up to three decimals. What is none counts as 0.
fn thousandths(text: &str) -> u32 {
    let (whole, decimals) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = format!("{whole}{decimals:0<3}");
    if decimals.len() > 3 { 0 } else { digits.parse().ok().filter(|number| *number <= 1_000).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{ACCEPT, HeaderValue};

    use super::FileType;

    #[test]
    fn a_file_is_sent_only_to_who_prefers_one() {
        for (accept, expected) in [
            (&[][..], None),
            (&["*/*"], None),
            (&["application/json, */*"], None),
            (&["text/csv"], Some(FileType::Csv)),
            (&["Text/CSV; charset=utf-8"], Some(FileType::Csv)),
            (&["application/x-ndjson, */*;q=0.8"], Some(FileType::JsonLines)),
            (&["application/json;q=0.5, text/csv;q=0.9"], Some(FileType::Csv)),
            (&["application/json", "text/csv;q=0.9"], None),
            (&["text/csv;q=0"], None),
            (&["text/csv;q=x, application/jsonl;q=0.001"], Some(FileType::JsonLines)),
            (&["text/html, image/png"], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, HeaderValue::from_static(value));
            }
            assert_eq!(FileType::accepted(&headers), expected, "{accept:?}");
        }
    }
}
