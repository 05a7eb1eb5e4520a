//! Splits JSON bodies into items. The items themselves are parsed in the sandbox.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::problem::Problem;
use crate::domain::ItemList;
use crate::plain_words::json_error;

/// Splits a body into items: a list, or an object whose names are the client's keys. Of more than `max` items, `max` + 1 are
/// returned.
///
/// # Errors
/// 400 with line and column, and 400 with the name if a name occurs twice: in Mautic, the first of the two items is lost.
pub(super) fn split(body: &[u8], max: usize) -> Result<ItemList, Problem> {
    let mut deserializer = serde_json::Deserializer::from_str(utf8(body)?);
    let mut repeated = None;
    let items = deserializer
        .deserialize_any(Items { max, repeated: &mut repeated })
        .and_then(|batch| deserializer.end().map(|()| batch))
        .map_err(|error| unreadable(&error, body))?;
    match repeated {
        Some(key) => Err(Problem::repeated_key(&key)),
        None => Ok(items),
    }
}

/// Reads a body that is one item: an object, or a list, which the component will refuse.
///
/// # Errors
/// 400 with line and column, also if the body is a scalar.
pub(super) fn whole(body: &[u8]) -> Result<String, Problem> {
    let text = utf8(body)?;
    let item: &RawValue = serde_json::from_str(text).map_err(|error| unreadable(&error, body))?;
    if item.get().starts_with(['{', '[']) {
        return Ok(one_line(item));
    }
    // A scalar is refused with the same error as where a list of items is expected.
    split(body, 0).map(|_| String::new())
}

/// Returns the text of a body without reading it as JSON.
///
/// # Errors
/// 400 if the body is empty or is not UTF-8.
pub(super) fn text(body: &[u8]) -> Result<String, Problem> {
    utf8(body).map(str::to_owned)
}

/// Reads an object, and returns those of its members that are texts, in order.
///
/// # Errors
/// 400 with line and column.
pub(super) fn fields(body: &[u8]) -> Result<Vec<(String, String)>, Problem> {
    let mut deserializer = serde_json::Deserializer::from_str(utf8(body)?);
    let members = deserializer.deserialize_map(Texts).and_then(|members| deserializer.end().map(|()| members));
    members.map_err(|error| unreadable(&error, body))
}

/// The members of an object that are texts.
struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<(String, String)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = object.next_entry()? {
            if let Value::String(text) = value {
                members.push((name, text));
            }
        }
        Ok(members)
    }
}

fn utf8(body: &[u8]) -> Result<&str, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(Problem::bad_request("The body is empty, and must be JSON."));
    }
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(Problem::bad_request(
            "The body begins with a byte order mark (BOM), which JSON does not have. Send the body without its first three bytes, EF BB BF.",
        ));
    }
    if body.starts_with(b"\xff\xfe") || body.starts_with(b"\xfe\xff") {
        return Err(Problem::bad_request(
            "The body begins with a byte order mark (BOM) of UTF-16. Send it in UTF-8, without a mark.",
        ));
    }
    std::str::from_utf8(body).map_err(|error| {
        let (line, column) = position(body, error.valid_up_to());
        Problem::bad_request(format!("The body is not UTF-8 at line {line} column {column}."))
    })
}

fn unreadable(error: &serde_json::Error, body: &[u8]) -> Problem {
    // What has the wrong kind was found by the visitors here, which say so in their own words.
    let flaw = if error.is_data() { error.to_string() } else { json_error(error) };
    let advice = if is_like_table(body) { " To send a table, say so: 'Content-Type: text/csv'." } else { "" };
    Problem::bad_request(format!("The body cannot be read as JSON: {flaw}.{advice}"))
}

/// Returns whether a body begins as a table may, and JSON does not.
fn is_like_table(body: &[u8]) -> bool {
    let line = body.trim_ascii().split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    !line.starts_with(b"{") && !line.starts_with(b"[") && line.iter().any(|byte| matches!(byte, b',' | b';' | b'\t'))
}

fn position(body: &[u8], offset: usize) -> (usize, usize) {
    let before = body.get(..offset).unwrap_or(body);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

struct Items<'r> {
    max: usize,
    /// Becomes the first name that occurs twice.
    repeated: &'r mut Option<String>,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ItemList;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of contacts, or an object of contacts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ItemList, A::Error> {
        let mut items = Vec::new();
        while items.len() <= self.max {
            match list.next_element::<&RawValue>()? {
                Some(item) => items.push(one_line(item)),
                None => return Ok(ItemList { items, keys: None }),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(ItemList { items, keys: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<ItemList, A::Error> {
        let mut seen: HashSet<Cow<'de, str>> = HashSet::new();
        let (mut items, mut keys) = (Vec::new(), Vec::new());
        while let Some(Key(key)) = object.next_key_seed(KeySeed)? {
            if items.len() > self.max {
                object.next_value::<IgnoredAny>()?;
                continue;
            }
            let item = one_line(object.next_value::<&RawValue>()?);
            if seen.insert(key.clone()) {
                items.push(item);
                keys.push(key.into_owned());
            } else {
                // The rest is read, too, because the body may be no JSON at all.
                self.repeated.get_or_insert_with(|| key.into_owned());
            }
        }
        Ok(ItemList { items, keys: Some(keys) })
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<ItemList, E> {
        Err(E::custom("null where a list of contacts was expected"))
    }
}

/// A name, borrowed if it has no escapes.
struct Key<'de>(Cow<'de, str>);

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Key<'de>, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text).map_err(D::Error::custom)
    }
}

/// Returns an item's text without line breaks. JSON strings hold none, so those in the text are only white space between its
/// parts.
fn one_line(item: &RawValue) -> String {
    let text = item.get();
    let breaks = |byte: u8| matches!(byte, b'\n' | b'\r');
    if text.bytes().any(breaks) { text.replace(['\n', '\r'], " ") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::split;
    use crate::domain::ItemList;

    fn batch(body: &str) -> ItemList {
        split(body.as_bytes(), 100).unwrap()
    }

    fn own(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn lists_and_objects_are_split() {
        for (body, items, keys) in [
            ("[]", &[] as &[&str], None),
            ("{}", &[], Some(&[] as &[&str])),
            (r#"[ {"a" : 1}, 7,null , "x",[1, 2]]"#, &[r#"{"a" : 1}"#, "7", "null", r#""x""#, "[1, 2]"], None),
            (r#"{"5":{"a":1},"9":{}}"#, &[r#"{"a":1}"#, "{}"], Some(&["5", "9"])),
            ("{\"\\u00fc\":1}", &["1"], Some(&["ü"])),
            ("[{\"a\":\r\n1}]", &["{\"a\":  1}"], None),
        ] {
            let split = batch(body);
            assert_eq!(split.items, own(items), "{body}");
            assert_eq!(split.keys, keys.map(own), "{body}");
        }
    }

    #[test]
    fn other_bodies_are_refused_with_line_and_column() {
        for (body, part) in [
            ("", "The body is empty"),
            ("null", "null where a list"),
            ("7", "integer `7`"),
            ("\"x\"", "string \"x\""),
            ("[1,\n 2", "line 2 column 2"),
            ("[1] x", "line 1 column 5"),
            ("[1,]", "line 1 column 4"),
            ("{\"a\" 1}", "line 1 column 6"),
        ] {
            let reply = format!("{:?}", split(body.as_bytes(), 100).unwrap_err());
            assert!(reply.contains(&part.replace('"', "\\\"")), "{body}: {reply}");
        }
        let reply = format!("{:?}", split(b"[\n\"\xff\"]", 100).unwrap_err());
        assert!(reply.contains("line 2 column 2"), "{reply}");
    }

    #[test]
    fn a_key_that_occurs_twice_is_refused_by_name() {
        for (body, key) in [
            (r#"{"a":1,"b":2,"a":3}"#, "'a'"),
            (r#"{"0":{},"\u0030":{}}"#, "'0'"),
            (r#"{"":1,"":1}"#, "''"),
            (r#"{"a":1,"a":1,"b":2,"b":2}"#, "'a'"),
        ] {
            let problem = split(body.as_bytes(), 100).unwrap_err();
            assert!(problem.message().contains(key), "{body}: {}", problem.message());
        }
        let problem = split(br#"{"a":1,"a":1"#, 100).unwrap_err();
        assert!(problem.message().contains("line 1 column"), "{}", problem.message());
    }

    #[test]
    fn one_item_more_than_the_maximum_is_returned() {
        assert_eq!(split(b"[1,2,3,4,5]", 3).unwrap().items.len(), 4);
        assert_eq!(split(br#"{"a":1,"b":1,"c":1,"d":1,"e":1}"#, 3).unwrap().items.len(), 4);
        assert_eq!(split(b"[1,2,3]", 3).unwrap().items.len(), 3);
    }

    #[test]
    fn deeply_nested_items_do_not_overflow_the_stack() {
        let body = format!("[{}{}]", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(batch(&body).items.len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(body: Vec<u8>) {
            drop(split(&body, 10));
        }

        #[test]
        fn items_come_back_as_they_were(items in prop::collection::vec(".*", 0..20)) {
            let texts: Vec<String> = items.iter().map(|item| serde_json::to_string(item).unwrap()).collect();
            let split = batch(&format!("[{}]", texts.join(",")));
            prop_assert_eq!(split.items, texts);
        }
    }
}
