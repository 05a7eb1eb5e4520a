//! JSON that operators and authors write, read strictly: nothing is taken for something else, and nothing is given twice. Errors
//! are in plain words: where, what must be there, and what is there.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::plain_words::{json_error, json_flaw};

/// Bytes that are shown of a name or a number.
const MAX_SHOWN_BYTES: usize = 60;

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct JsonError {
    /// Where, such as `fields[3].maxLength`; empty if it is the whole text.
    pub path: String,
    /// What must be there and what is there. Errors of syntax end with line and column.
    pub message: String,
}

/// A value, and where it is.
#[derive(Debug, Clone)]
pub struct JsonText<'a> {
    raw: &'a str,
    path: String,
}

impl<'a> JsonText<'a> {
    /// Reads a text that is one JSON value.
    ///
    /// # Errors
    /// If it is not JSON; the message has line and column.
    pub fn parse(text: &'a str) -> Result<Self, JsonError> {
        let whole = |message| JsonError { path: String::new(), message };
        if text.trim().is_empty() {
            return Err(whole(String::from("the text is empty")));
        }
        if text.starts_with('\u{feff}') {
            return Err(whole(String::from("the text begins with a byte order mark (U+FEFF); save it without one")));
        }
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| whole(json_error(&error)))?;
        Ok(Self { raw: raw.get(), path: String::new() })
    }

    /// Returns the JSON of the value.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// Returns whether the value is null.
    pub fn is_null(&self) -> bool {
        self.raw == "null"
    }

    /// Returns whether the value is an object.
    pub fn is_object(&self) -> bool {
        self.raw.starts_with('{')
    }

    /// Returns what kind of value this is, with an article.
    pub fn kind(&self) -> &'static str {
        match self.raw.as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a text",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    /// Reads an object that has no other members than `known`.
    ///
    /// # Errors
    /// If the value is no object, has another member, or a member twice.
    pub fn object(&self, known: &[&str]) -> Result<Members<'a>, JsonError> {
        let members = self.members()?;
        match members.list.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(members),
            Some((name, _)) => {
                let message = format!("there is no such member; those that there are: {}", known.join(", "));
                Err(JsonError { path: self.member_path(name), message })
            }
        }
    }

    /// Reads an object with members of any names.
    ///
    /// # Errors
    /// If the value is no object, or has a member twice.
    pub fn members(&self) -> Result<Members<'a>, JsonError> {
        let list = self.all_members()?;
        let mut seen = std::collections::HashSet::new();
        if let Some((name, _)) = list.iter().find(|(name, _)| !seen.insert(name.clone())) {
            return Err(JsonError { path: self.member_path(name), message: String::from("this is given twice") });
        }
        Ok(Members { list, parent: self.path.clone() })
    }

    /// Reads an object with members of any names, also of the same name: the name and the JSON of each.
    ///
    /// # Errors
    /// If the value is no object.
    pub fn all_members(&self) -> Result<Vec<(String, &'a str)>, JsonError> {
        if !self.is_object() {
            return Err(self.wrong("an object"));
        }
        let mut deserializer = serde_json::Deserializer::from_str(self.raw);
        deserializer.deserialize_map(MemberList).map_err(|error| self.unreadable(&error))
    }

    /// Reads a list.
    ///
    /// # Errors
    /// If the value is no list.
    pub fn list(&self) -> Result<Vec<Self>, JsonError> {
        if !self.raw.starts_with('[') {
            return Err(self.wrong("a list"));
        }
        let mut deserializer = serde_json::Deserializer::from_str(self.raw);
        let list = deserializer.deserialize_seq(ElementList).map_err(|error| self.unreadable(&error))?;
        let element = |(index, raw): (usize, &'a str)| Self { raw, path: format!("{}[{index}]", self.path) };
        Ok(list.into_iter().enumerate().map(element).collect())
    }

    /// Reads a text.
    ///
    /// # Errors
    /// If the value is no text, or one that no program can read.
    pub fn text(&self) -> Result<String, JsonError> {
        if !self.raw.starts_with('"') {
            return Err(self.wrong("a text"));
        }
        serde_json::from_str(self.raw).map_err(|error| self.unreadable(&error))
    }

    /// Reads true or false.
    ///
    /// # Errors
    /// If the value is something else.
    pub fn boolean(&self) -> Result<bool, JsonError> {
        match self.raw {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// Reads a whole number from 0 to `most`.
    ///
    /// # Errors
    /// If the value is something else.
    pub fn whole_number(&self, most: u64) -> Result<u64, JsonError> {
        if self.kind() != "a number" {
            return Err(self.wrong("a whole number"));
        }
        let number = self.raw.parse::<u64>().ok().filter(|number| *number <= most);
        let range = if most == u64::MAX { String::new() } else { format!(" from 0 to {most}") };
        number.ok_or_else(|| self.error(format!("this must be a whole number{range}, not {}", shortened(self.raw))))
    }

    /// Returns the error of a value in place of which there must be `expected`.
    pub fn wrong(&self, expected: &str) -> JsonError {
        self.error(format!("this must be {expected}, not {}", self.kind()))
    }

    fn error(&self, message: String) -> JsonError {
        JsonError { path: self.path.clone(), message }
    }

    /// Line and column would count from the beginning of the value, so the error is told without them.
    fn unreadable(&self, error: &serde_json::Error) -> JsonError {
        self.error(json_flaw(error).to_owned())
    }

    fn member_path(&self, name: &str) -> String {
        path_of(&self.path, name)
    }
}

/// The members of an object, none of which is there twice.
#[derive(Debug)]
pub struct Members<'a> {
    list: Vec<(String, &'a str)>,
    parent: String,
}

impl<'a> Members<'a> {
    /// Takes a member, if it is there.
    pub fn take(&mut self, name: &str) -> Option<JsonText<'a>> {
        let place = self.list.iter().position(|(other, _)| other == name)?;
        let (name, raw) = self.list.swap_remove(place);
        Some(JsonText { raw, path: path_of(&self.parent, &name) })
    }

    /// Takes a member that may also be null, which is the same as not there.
    pub fn take_optional(&mut self, name: &str) -> Option<JsonText<'a>> {
        self.take(name).filter(|value| !value.is_null())
    }

    /// Takes a member that must be there.
    ///
    /// # Errors
    /// If it is not there.
    pub fn take_required(&mut self, name: &str) -> Result<JsonText<'a>, JsonError> {
        self.take(name)
            .ok_or_else(|| JsonError { path: path_of(&self.parent, name), message: String::from("this must be given") })
    }

    /// Returns all members that are left as values, in the order of the text if none was taken.
    pub fn into_values(self) -> Vec<(String, JsonText<'a>)> {
        let value = |(name, raw): (String, &'a str)| {
            let path = path_of(&self.parent, &name);
            (name, JsonText { raw, path })
        };
        self.list.into_iter().map(value).collect()
    }

    /// Returns all members that are left, in the order of the text if none was taken.
    pub fn into_all(self) -> Vec<(String, &'a str)> {
        self.list
    }
}

fn path_of(parent: &str, name: &str) -> String {
    let name = shortened(name);
    if parent.is_empty() { name } else { format!("{parent}.{name}") }
}

fn shortened(text: &str) -> String {
    match text.split_at(text.floor_char_boundary(MAX_SHOWN_BYTES)) {
        (all, "") => all.to_owned(),
        (start, _) => format!("{start}…"),
    }
}

struct MemberList;

impl<'de> Visitor<'de> for MemberList {
    type Value = Vec<(String, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, value)) = object.next_entry::<String, &RawValue>()? {
            members.push((name, value.get()));
        }
        Ok(members)
    }
}

struct ElementList;

impl<'de> Visitor<'de> for ElementList {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element::<&RawValue>()? {
            elements.push(element.get());
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::{JsonError, JsonText};

    fn refused<T: std::fmt::Debug>(read: Result<T, JsonError>) -> String {
        read.unwrap_err().to_string()
    }

    #[test]
    fn syntax_errors_are_in_plain_words_with_line_and_column() {
        for (text, message) in [
            ("", "the text is empty"),
            (" \n", "the text is empty"),
            ("\u{feff}{}", "the text begins with a byte order mark (U+FEFF); save it without one"),
            ("{\"a\":1,\n", "the text ends too early at line 2"),
            ("{\"a\":}", "there must be a value at line 1 column 6"),
            ("{\"a\" 1}", "there must be a colon at line 1 column 6"),
            ("{a:1}", "there must be the name of a member, in double quotes at line 1 column 2"),
            ("{\"a\":1,}", "there must be the name of a member, in double quotes at line 1 column 8"),
            ("[1,\n2,,]", "there must be a value at line 2 column 3"),
            ("[1 2]", "there must be a comma or the end of the list at line 1 column 4"),
            ("{\"a\":1 \"b\":2}", "there must be a comma or the end of the object at line 1 column 8"),
            ("{} {}", "there is more text after the end of the value at line 1 column 4"),
            ("{\"a\":\"x\ny\"}", "a text has a line break or another control character in it at line "),
            ("\"\\x\"", "a text has an escape that means no character at line 1 column "),
            ("nul", "the text ends too early at line 1 column 3"),
            ("nope", "this is not JSON at line 1 column 2"),
        ] {
            let said = refused(JsonText::parse(text));
            assert!(said.starts_with(message), "{text:?}: {said}");
            assert!(!said.contains("column 0"), "{text:?}: {said}");
        }
    }

    #[test]
    fn no_error_of_any_prefix_speaks_the_language_of_the_program() {
        let text = r#"{"fields":[{"alias":"a\u00e4","maxLength":-1.5e3,"choices":[null,true]}],"settings":{}} x"#;
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let Err(error) = JsonText::parse(&text[..end]) else { continue };
            let said = error.to_string();
            for word in ["EOF", "expected", "ident", "invalid", "type", "struct", "sequence", "map"] {
                assert!(!said.contains(word), "{said}");
            }
        }
    }

    #[test]
    fn values_of_another_kind_are_refused_with_their_place() {
        let text = r#"{"list":[{"name":7}],"number":-1,"flag":"yes","half":1.5,"escape":"\ud800"}"#;
        let mut members = JsonText::parse(text).unwrap().members().unwrap();
        let mut take = |name: &str| members.take(name).unwrap();
        let first = take("list").list().unwrap().remove(0);
        let name = first.members().unwrap().take("name").unwrap();
        assert_eq!(refused(name.text()), "list[0].name: this must be a text, not a number");
        assert_eq!(refused(first.list()), "list[0]: this must be a list, not an object");
        assert_eq!(
            refused(first.object(&["a", "b"])),
            "list[0].name: there is no such member; those that there are: a, b"
        );
        let number = take("number");
        assert_eq!(refused(number.whole_number(9)), "number: this must be a whole number from 0 to 9, not -1");
        assert_eq!(refused(number.members()), "number: this must be an object, not a number");
        let flag = take("flag");
        assert_eq!(refused(flag.boolean()), "flag: this must be true or false, not a text");
        assert_eq!(refused(flag.whole_number(9)), "flag: this must be a whole number, not a text");
        assert_eq!(refused(take("half").whole_number(9)), "half: this must be a whole number from 0 to 9, not 1.5");
        assert_eq!(refused(take("escape").text()), "escape: a text has an escape that means no character");
        assert_eq!(refused(members.take_required("absent")), "absent: this must be given");
        assert_eq!(refused(JsonText::parse("[]").unwrap().members()), "this must be an object, not a list");
    }

    #[test]
    fn a_member_is_given_once() {
        for (text, message) in
            [(r#"{"a":1,"b":2,"a":1}"#, "a: this is given twice"), (r#"{"a":1,"\u0061":1}"#, "a: this is given twice")]
        {
            assert_eq!(refused(JsonText::parse(text).unwrap().members()), message);
        }
        let long = format!(r#"{{"{0}":1,"{0}":1}}"#, "x".repeat(1_000));
        assert!(refused(JsonText::parse(&long).unwrap().members()).len() < 200);
    }
}
