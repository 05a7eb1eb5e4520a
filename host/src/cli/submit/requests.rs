//! Splits the contacts of a file into requests.

use crate::cli::contact_file::{Contacts, Entry};

/// Contacts in one request.
const MAX_ITEMS: usize = 10_000;
/// Bytes of one request's body. A server accepts 64 MiB by default.
const MAX_REQUEST_BYTES: usize = 48 << 20;

impl Entry<'_> {
    /// Returns the most bytes that the contact can take in a request; a byte of a key takes up to six.
    fn bytes(&self) -> usize {
        self.json.len() + 1 + self.key.as_ref().map_or(0, |key| 6 * key.len() + 3)
    }
}

impl<'a> Contacts<'a> {
    /// Splits the contacts into as few requests as the limits allow, in order.
    pub(super) fn requests(&self) -> Vec<&[Entry<'a>]> {
        self.requests_of(MAX_ITEMS, MAX_REQUEST_BYTES)
    }

    fn requests_of(&self, max_items: usize, max_bytes: usize) -> Vec<&[Entry<'a>]> {
        let mut requests = Vec::new();
        let mut rest = self.entries.as_slice();
        while !rest.is_empty() {
            let mut bytes = 2;
            let fitting = rest.iter().take(max_items).take_while(|entry| {
                bytes += entry.bytes();
                bytes <= max_bytes
            });
            // A contact that is too large for any request is sent alone, and the server refuses it.
            let (request, remaining) = rest.split_at(fitting.count().max(1).min(rest.len()));
            requests.push(request);
            rest = remaining;
        }
        requests
    }

    /// Returns the body of a request: a list or an object, like the file.
    pub(super) fn body(&self, request: &[Entry<'_>]) -> Vec<u8> {
        let mut body = String::with_capacity(2 + request.iter().map(Entry::bytes).sum::<usize>());
        body.push(if self.is_keyed { '{' } else { '[' });
        for (place, entry) in request.iter().enumerate() {
            if place > 0 {
                body.push(',');
            }
            if let Some(key) = &entry.key {
                body.push_str(&serde_json::Value::from(key.as_str()).to_string());
                body.push(':');
            }
            body.push_str(entry.json);
        }
        body.push(if self.is_keyed { '}' } else { ']' });
        body.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::cli::contact_file::Contacts;

    fn bodies(text: &str, max_items: usize, max_bytes: usize) -> Vec<String> {
        let contacts = Contacts::parse(Path::new("-"), text).unwrap();
        let batches = contacts.requests_of(max_items, max_bytes);
        batches.into_iter().map(|batch| String::from_utf8(contacts.body(batch)).unwrap()).collect()
    }

    #[test]
    fn files_are_split_into_requests_of_the_same_form() {
        for (text, max_items, max_bytes, expected) in [
            ("[]", 2, 99, &[] as &[&str]),
            ("{}", 2, 99, &[]),
            ("[1, {\"a\" : 2},3]", 2, 99, &["[1,{\"a\" : 2}]", "[3]"]),
            ("\u{feff}[1,2]", 2, 99, &["[1,2]"]),
            ("{\"x\":1,\"\\\"\\u00fc\":2,\"z\":[]}", 2, 99, &["{\"x\":1,\"\\\"ü\":2}", "{\"z\":[]}"]),
            ("[11,22,\"a very long contact\",33]", 9, 8, &["[11,22]", "[\"a very long contact\"]", "[33]"]),
        ] {
            assert_eq!(bodies(text, max_items, max_bytes), expected, "{text}");
        }
    }
}
