//! Splits what a file has into requests.

use std::ops::Range;

use super::content::Content;

/// Contacts in one request.
const MAX_ITEMS: usize = 10_000;
/// Bytes of one request's body, and of what becomes of it as JSON. A server accepts 64 MiB by default.
const MAX_REQUEST_BYTES: usize = 48 << 20;

impl Content<'_> {
    /// Splits the contacts into as few requests as the limits allow, in order.
    pub(super) fn requests(&self) -> Vec<Range<usize>> {
        self.requests_of(MAX_ITEMS, MAX_REQUEST_BYTES)
    }

    pub(super) fn requests_of(&self, max_items: usize, max_bytes: usize) -> Vec<Range<usize>> {
        let mut requests = Vec::new();
        let mut begin = 0;
        while begin < self.len() {
            let mut bytes = 2;
            let fitting = (begin..self.len()).take(max_items).take_while(|index| {
                bytes += self.bytes(*index);
                bytes <= max_bytes
            });
            // A contact that is too large for any request is sent alone, and the server refuses it.
            let end = begin + fitting.count().max(1);
            requests.push(begin..end);
            begin = end;
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::content::Content;
    use super::super::kind::Format;
    use bulkhead::import::CsvOptions;

    fn bodies(format: Format, text: &str, max_items: usize, max_bytes: usize) -> Vec<String> {
        let content = Content::parse(Path::new("-"), text, format, &CsvOptions::default()).unwrap();
        let requests = content.requests_of(max_items, max_bytes);
        requests.into_iter().map(|request| String::from_utf8(content.body(request)).unwrap()).collect()
    }

    #[test]
    fn files_are_split_into_requests_of_the_same_form() {
        use Format::{Csv, Json, Ndjson};
        for (format, text, max_items, max_bytes, expected) in [
            (Json, "[]", 2, 99, &[] as &[&str]),
            (Json, "{}", 2, 99, &[]),
            (Json, "[1, {\"a\" : 2},3]", 2, 99, &["[1,{\"a\" : 2}]", "[3]"]),
            (Json, "\u{feff}[1,2]", 2, 99, &["[1,2]"]),
            (Json, "{\"x\":1,\"\\\"\\u00fc\":2,\"z\":[]}", 2, 99, &["{\"x\":1,\"\\\"ü\":2}", "{\"z\":[]}"]),
            (Json, "[11,22,\"a very long contact\",33]", 9, 8, &["[11,22]", "[\"a very long contact\"]", "[33]"]),
            (Ndjson, "1\n\n {\"a\":2}\r\n3", 2, 99, &["1\n{\"a\":2}\n", "3\n"]),
            (Csv, "a;b\r\n1;2\r\n;\r\n3;4\r\n5;6", 2, 999, &["sep=;\na;b\n1;2\n3;4\n", "sep=;\na;b\n5;6\n"]),
            // A row comes with the names of its columns as JSON.
            (Csv, "a,b\n1,2\n3,4\n", 2, 200, &["sep=,\na,b\n1,2\n", "sep=,\na,b\n3,4\n"]),
        ] {
            assert_eq!(bodies(format, text, max_items, max_bytes), expected, "{text}");
        }
    }
}
