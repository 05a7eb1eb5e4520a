//! The file of contacts, cut into requests.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use super::client::Refusal;

/// Contacts in a request.
const REQUEST_ITEMS: usize = 10_000;
/// Bytes of a request, well below what a server takes.
const REQUEST_BYTES: usize = 48 << 20;

/// The contacts of a file.
#[derive(Debug)]
pub(super) struct Items {
    keys: Option<Vec<String>>,
    items: Vec<Box<RawValue>>,
}

/// Some consecutive contacts.
#[derive(Debug)]
pub(super) struct Request<'a> {
    /// The place of the first in the file.
    pub(super) first: usize,
    keys: Option<&'a [String]>,
    items: &'a [Box<RawValue>],
}

impl Items {
    /// Reads a file, or standard input for `-`.
    pub(super) fn read(path: &Path) -> Result<Self, Refusal> {
        let unreadable = |error: io::Error| Refusal(format!("{}: {error}", path.display()));
        let text = if path == Path::new("-") {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text).map_err(unreadable)?;
            text
        } else {
            fs::read_to_string(path).map_err(unreadable)?
        };
        Self::parse(&text).map_err(|error| {
            Refusal(format!("{}: {error}; it must be a JSON list of contacts, or an object of them", path.display()))
        })
    }

    fn parse(text: &str) -> serde_json::Result<Self> {
        if text.trim_start().starts_with('{') {
            let map: Map = serde_json::from_str(text)?;
            let (keys, items) = map.0.into_iter().unzip();
            Ok(Self { keys: Some(keys), items })
        } else {
            Ok(Self { keys: None, items: serde_json::from_str(text)? })
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The requests that these contacts make, in order; one even if there are none.
    pub(super) fn requests(&self) -> Vec<Request<'_>> {
        let mut ends = Vec::new();
        let (mut first, mut bytes) = (0, 0);
        for (index, item) in self.items.iter().enumerate() {
            let key = self.keys.as_ref().and_then(|keys| keys.get(index)).map_or(0, String::len);
            let size = item.get().len() + key + 8;
            if index - first == REQUEST_ITEMS || (index > first && bytes + size > REQUEST_BYTES) {
                ends.push(index);
                (first, bytes) = (index, 0);
            }
            bytes += size;
        }
        ends.push(self.items.len());
        let mut first = 0;
        let mut requests = Vec::new();
        for end in ends {
            requests.push(Request {
                first,
                keys: self.keys.as_ref().and_then(|keys| keys.get(first..end)),
                items: self.items.get(first..end).unwrap_or_default(),
            });
            first = end;
        }
        requests
    }
}

impl Request<'_> {
    /// The request's body.
    pub(super) fn body(&self) -> String {
        let mut parts = Vec::with_capacity(self.items.len());
        for (index, item) in self.items.iter().enumerate() {
            match self.keys.and_then(|keys| keys.get(index)) {
                Some(key) => parts.push(format!("{}:{}", Value::from(key.as_str()), item.get())),
                None => parts.push(item.get().to_owned()),
            }
        }
        let (open, close) = if self.keys.is_some() { ('{', '}') } else { ('[', ']') };
        format!("{open}{}{close}", parts.join(","))
    }

    /// The e-mail address of a contact, to show which one is meant.
    pub(super) fn email(&self, index: usize) -> Option<String> {
        let item: Value = serde_json::from_str(self.items.get(index)?.get()).ok()?;
        item.get("email")?.as_str().map(str::to_owned)
    }
}

/// An object whose members keep their order and whose values stay as they are.
struct Map(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Map {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Map;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of contacts")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut object: A) -> Result<Map, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = object.next_entry()? {
                    members.push(member);
                }
                Ok(Map(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::{Items, REQUEST_BYTES};

    fn bodies(text: &str) -> Vec<(usize, String)> {
        let items = Items::parse(text).unwrap();
        items.requests().iter().map(|request| (request.first, request.body())).collect()
    }

    #[test]
    fn a_small_file_is_one_request() {
        assert_eq!(bodies("[]"), [(0, String::from("[]"))]);
        assert_eq!(bodies(r#"[{"a":1}, 2]"#), [(0, String::from(r#"[{"a":1},2]"#))]);
        assert_eq!(bodies(r#" {"x":{"a":1},"y\"":2}"#), [(0, String::from(r#"{"x":{"a":1},"y\"":2}"#))]);
        assert!(Items::parse("7").is_err());
    }

    #[test]
    fn a_large_file_is_several() {
        let list = format!("[{}]", vec!["{}"; 20_001].join(","));
        let firsts: Vec<_> = bodies(&list).into_iter().map(|(first, _)| first).collect();
        assert_eq!(firsts, [0, 10_000, 20_000]);
        let large = format!("\"{}\"", "x".repeat(REQUEST_BYTES / 2));
        let firsts: Vec<_> = bodies(&format!("[{large},{large},1]")).into_iter().map(|(first, _)| first).collect();
        assert_eq!(firsts, [0, 1]);
    }

    #[test]
    fn an_address_is_found_where_there_is_one() {
        let items = Items::parse(r#"[{"email":"a@b.co"},{"email":7},"x"]"#).unwrap();
        let request = &items.requests()[0];
        assert_eq!(request.email(0).as_deref(), Some("a@b.co"));
        assert_eq!(request.email(1), None);
        assert_eq!(request.email(2), None);
        assert_eq!(request.email(3), None);
    }
}
