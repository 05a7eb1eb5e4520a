//! Reads one layer of a JSON object or list.
//!
//! What items mostly consist of is read here: strings without escapes, whole numbers and literals. Anything else, such as a
//! nested value, is one call of `serde_json`, which also says what is wrong with a text that is no JSON.

use std::borrow::Cow;

use serde::de::{Error as _, IgnoredAny};
use serde_json::value::RawValue;

use super::Raw;
use crate::byte_run::plain_run;
use crate::hashing::StableMap;

/// Members for which room is made at first. Most objects have fewer.
const TYPICAL_MEMBERS: usize = 12;

/// Returns the members of the object `text` whose names `wanted` knows, in the order in which they were sent. Repeated
/// names are kept.
///
/// Returns `Ok(None)` if `text` is not an object.
///
/// # Errors
///
/// If `text` starts like an object but is not valid JSON.
pub(crate) fn members<'a, K>(
    text: &'a str,
    wanted: impl Fn(&str) -> Option<K>,
) -> serde_json::Result<Option<Vec<(K, Raw<'a>)>>> {
    let mut members = Vec::with_capacity(TYPICAL_MEMBERS);
    let is_object = each_member(text, |reader| {
        let key = wanted(&reader.name()?);
        let value = reader.value()?;
        members.extend(key.map(|key| (key, value)));
        Some(())
    })?;
    Ok(is_object.then_some(members))
}

/// Calls `read` at the name of each member of the object `text`, in the order in which they were sent. `read` reads the name and
/// then the value, and returns `None` if the reader does. It may have been called before an error is found.
///
/// Returns `Ok(false)` if `text` is not an object.
///
/// # Errors
///
/// If `text` starts like an object but is not valid JSON.
#[inline]
pub(crate) fn each_member<'a>(
    text: &'a str,
    read: impl FnMut(&mut Reader<'a>) -> Option<()>,
) -> serde_json::Result<bool> {
    let is_object = text.trim_ascii_start().starts_with('{');
    if !is_object {
        return Ok(false);
    }
    let mut reader = Reader { text, at: 0 };
    let is_read = reader.each(b'{', b'}', read).and_then(|()| reader.end()).is_some();
    if is_read { Ok(true) } else { Err(flaw(text)) }
}

/// Returns the entries of the list `text`, or `None` if it is no list.
pub(super) fn entries(text: &str) -> Option<Vec<Raw<'_>>> {
    let mut entries = Vec::new();
    let mut reader = Reader { text, at: 0 };
    reader.each(b'[', b']', |reader| {
        entries.push(reader.value()?);
        Some(())
    })?;
    reader.end()?;
    Some(entries)
}

/// Returns what is wrong with a text that is no object.
fn flaw(text: &str) -> serde_json::Error {
    let members = serde_json::from_str::<StableMap<String, IgnoredAny>>(text);
    members.err().unwrap_or_else(|| serde_json::Error::custom("it is not a JSON object"))
}

/// Reads a text from its start to its end. Each function reads what stands next, and returns `None` if something else does.
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
}

impl<'a> Reader<'a> {
    /// Skips blanks, and returns the byte after them without reading it.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline]
    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek()? == wanted).then(|| self.at += 1)
    }

    fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// Reads what stands between two brackets, separated by commas. `read` starts after the blanks before each entry.
    #[inline]
    fn each(&mut self, opens: u8, closes: u8, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(opens)?;
        if self.peek()? == closes {
            return self.take(closes);
        }
        loop {
            read(self)?;
            let next = self.peek()?;
            self.at += 1;
            if next != b',' {
                return (next == closes).then_some(());
            }
            self.peek()?;
        }
    }

    /// Reads any value.
    pub(crate) fn value(&mut self) -> Option<Raw<'a>> {
        match self.peek()? {
            b'"' => self.string(),
            b'1'..=b'9' => self.number(),
            b'n' => self.literal("null").map(|()| Raw::Null),
            b't' => self.literal("true").map(|()| Raw::Bool(true)),
            b'f' => self.literal("false").map(|()| Raw::Bool(false)),
            _ => self.other(),
        }
    }

    /// Reads the name of a member, and the colon after it, if they stand there as in `quoted`, a result of
    /// [`quoted_name`](super::quoted_name).
    pub(crate) fn name_as_in(&mut self, quoted: &str) -> Option<()> {
        self.literal(quoted)
    }

    /// Reads the name of a member, and the colon after it.
    pub(crate) fn name(&mut self) -> Option<Cow<'a, str>> {
        if self.peek()? != b'"' {
            return None;
        }
        let Raw::Text(name) = self.string()? else {
            return None;
        };
        self.take(b':')?;
        Some(name)
    }

    /// Reads a string, of which the quote stands next.
    fn string(&mut self) -> Option<Raw<'a>> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let end = start + plain_run(bytes.get(start..)?);
        if bytes.get(end) != Some(&b'"') {
            return self.other();
        }
        self.at = end + 1;
        self.text.get(start..end).map(|plain| Raw::Text(Cow::Borrowed(plain)))
    }

    fn number(&mut self) -> Option<Raw<'a>> {
        let rest = self.text.get(self.at..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if matches!(rest.as_bytes().get(digits), Some(b'.' | b'e' | b'E')) {
            return self.other();
        }
        self.at += digits;
        rest.get(..digits).map(Raw::Number)
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(literal.as_bytes()).then(|| self.at += literal.len())
    }

    /// Reads any value with `serde_json`.
    fn other(&mut self) -> Option<Raw<'a>> {
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter::<&RawValue>();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(Raw::of(value))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;
    use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
    use serde_json::value::RawValue;

    use super::super::quoted_name;
    use super::{Raw, each_member, entries, members};

    /// The members of an object as `serde_json` reads them, with repeated names.
    struct Members<'a>(Vec<(String, &'a RawValue)>);

    struct MembersVisitor;

    impl<'de> Deserialize<'de> for Members<'de> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(MembersVisitor)
        }
    }

    impl<'de> Visitor<'de> for MembersVisitor {
        type Value = Members<'de>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(Members(members))
        }
    }

    fn value(raw: &RawValue) -> Raw<'_> {
        let text = raw.get();
        match text.as_bytes()[0] {
            b'n' => Raw::Null,
            b't' => Raw::Bool(true),
            b'f' => Raw::Bool(false),
            b'[' => Raw::List(text),
            b'{' => Raw::Object(text),
            b'"' => serde_json::from_str(text).map_or(Raw::InvalidString, Raw::Text),
            _ => Raw::Number(text),
        }
    }

    /// Checks that a text is read, or refused, as `serde_json` does.
    fn check(text: &str) {
        let expected = serde_json::from_str::<Members<'_>>(text);
        match (members(text, |name| Some(name.to_owned())), expected) {
            (Ok(Some(members)), Ok(Members(expected))) => {
                let expected: Vec<_> = expected.into_iter().map(|(name, raw)| (name, value(raw))).collect();
                assert_eq!(members, expected, "{text}");
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected.to_string(), "{text}"),
            (Ok(None), Err(_)) => assert!(!text.trim_ascii_start().starts_with('{'), "{text}"),
            (members, expected) => panic!("{text}: {members:?}, {:?}", expected.map(|Members(members)| members)),
        }
        for guess in ["a", "b", "c", "é", "\u{4e2d}", "\"", "\\", ""] {
            let quoted = quoted_name(guess);
            let mut guessed = Vec::new();
            let is_object = each_member(text, |reader| {
                let is_guessed = reader.name_as_in(&quoted).is_some();
                let name = if is_guessed { guess.to_owned() } else { reader.name()?.into_owned() };
                guessed.push((name, reader.value()?));
                Some(())
            });
            let guessed = is_object.ok().map(|is_object| is_object.then_some(guessed));
            assert_eq!(guessed, members(text, |name| Some(name.to_owned())).ok(), "{guess}: {text}");
        }
        let expected = serde_json::from_str::<Vec<&RawValue>>(text).ok();
        assert_eq!(entries(text), expected.map(|list| list.into_iter().map(value).collect()), "{text}");
    }

    #[test]
    fn values_are_those_of_the_library() {
        let long = "9".repeat(400);
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        for value in [
            "0",
            "-0",
            "00",
            "01",
            "1",
            "-1",
            "-01",
            "--1",
            "+1",
            "1.",
            "1.0",
            ".5",
            "1.e1",
            "1e",
            "1e5",
            "1E+5",
            "1e-05",
            "10",
            "1 0",
            "1a",
            "1\"\"",
            "1[",
            "1,",
            "1}",
            "1:",
            "0x1",
            "1_0",
            "NaN",
            "Infinity",
            &long,
            &deep,
            "null",
            "nul",
            "nulll",
            "Null",
            "true",
            "tru",
            "truefalse",
            "true1",
            "false",
            "false ",
            " \t\n\r1\t\n\r ",
            "\u{c}1",
            "\u{a0}1",
            "\u{feff}1",
            r#""""#,
            r#"""#,
            r#""\""#,
            r#""\"""#,
            r#""\\""#,
            r#""\x""#,
            r#""\/\b\f\n\r\t""#,
            r#""\u00e9""#,
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
            r#""\u12""#,
            "\"\u{7f}\"",
            "\"\t\"",
            "\"\n\"",
            "\"\0\"",
            "\"é😀\"",
            "\"é\u{1f}\"",
            "''",
            "[]",
            "[1,]",
            "[,]",
            "[1 2]",
            "[",
            "]",
            "[}",
            "{}",
            "{",
            "}",
            "{]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "[[],{\"b\":[\"]\"]}]",
            "",
            " ",
            "/**/1",
            "1//",
        ] {
            for text in [
                value.to_owned(),
                format!("{{\"a\":{value}}}"),
                format!("{{\"a\":{value},\"b\":2}}"),
                format!(" {{ \"a\" :\t{value} , \"a\" :\r{value}\n}} "),
                format!("{{{value}:1}}"),
                format!("{{\"a\":1}}{value}"),
                format!("{value}{{\"a\":1}}"),
                format!("[{value}]"),
                format!(" [ {value} , {value} ] "),
            ] {
                check(&text);
            }
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "null|true|false|-?[0-9]{1,20}|-?[0-9]{1,3}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?",
            "\"[ !#-\\[\\]-~é\u{4e2d}\u{1f600}]{0,20}\"",
            "\"([a-z]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}|\\\\ud8[0-9a-f]{2}\\\\udc[0-9a-f]{2}){0,9}\"",
            any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        ];
        let blank = || "[ \n\r\t]{0,2}";
        leaf.prop_recursive(3, 24, 5, move |inner| {
            let entry = (blank(), inner.clone(), blank()).prop_map(|(before, value, after)| before + &value + &after);
            let name = "\"([a-c]{0,9}|\\\\u00e9|\\\\ud800|\u{4e2d}){0,2}\"";
            let member = (blank(), name, blank(), entry.clone())
                .prop_map(|(before, name, after, value)| format!("{before}{name}{after}:{value}"));
            prop_oneof![
                vec(entry, 0..5).prop_map(|entries| format!("[{}]", entries.join(","))),
                vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_read_as_by_the_library(text in json(), before in "[ \n\r\t\u{c}]{0,2}", after in "[ \n\r\t\u{c}]{0,2}") {
            check(&text);
            check(&format!("{before}{text}{after}"));
        }

        #[test]
        fn json_with_a_mistake_is_refused_as_by_the_library(
            text in json(),
            at in any::<prop::sample::Index>(),
            wrong in option::of("[\\[\\]{},:\"\\\\0-9eE+.tfn \0-\u{1f}-]|\\PC"),
            is_kept in any::<bool>(),
        ) {
            let at = text.floor_char_boundary(at.index(text.len() + 1));
            let (before, after) = text.split_at(at);
            let mut rest = after.chars();
            if !is_kept {
                rest.next();
            }
            check(&format!("{before}{}{}", wrong.unwrap_or_default(), rest.as_str()));
            check(before);
        }

        #[test]
        fn any_text_is_read_or_refused_as_by_the_library(text in "\\PC{0,20}|[\\[\\]{},:\"\\\\0-9eE+.ab \n-]{0,20}") {
            check(&text);
            check(&format!("{{\"a\":{text}}}"));
            check(&format!("{{{text}}}"));
        }
    }
}
