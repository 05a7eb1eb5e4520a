//! Tags and entities. As Mautic's input filter does, this module converts markup to plain text, and removes scripts from
//! markup.

use std::borrow::Cow;

use crate::byte_run::unmarked_run;
use crate::field_error::NOT_VALID;
use crate::json::Raw;
use crate::schema::FieldRule;
use crate::value::Value;

use super::text::{check_length, made_of, trim};
use super::{Parsed, entities};

/// Largest entity that is decoded, in bytes.
const MAX_ENTITY_BYTES: usize = 11;

/// Parses the value of an `html` field. Its markup is kept, except attributes that run scripts.
pub(super) fn parse<'a>(field: &FieldRule, raw: &Raw<'a>) -> Parsed<'a> {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = made_of(sent, |sent| without_event_handlers(trim(sent)));
    if text.is_empty() {
        return Ok(None);
    }
    check_length(field, &text)?;
    Ok(Some(Value::Text(text)))
}

/// Converts markup to plain text: strips tags, decodes entities once and trims the result. A `<` that does not open a tag is
/// kept.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let trimmed = trim(text);
    if unmarked_run(trimmed.as_bytes()) == trimmed.len() {
        return Cow::Borrowed(trimmed);
    }
    let stripped = without_tags(trimmed);
    let decoded = decode_entities(&stripped);
    Cow::Owned(trim(&decoded).to_owned())
}

fn without_tags(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut tags = Tags::of(text);
    for (before, _) in tags.by_ref() {
        kept.push_str(before);
    }
    kept.push_str(tags.rest);
    kept
}

fn without_event_handlers(text: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut tags = Tags::of(text);
    for (before, tag) in tags.by_ref() {
        kept.push_str(before);
        kept.push_str(&clean_tag(tag));
    }
    if kept.is_empty() {
        return Cow::Borrowed(text);
    }
    kept.push_str(tags.rest);
    Cow::Owned(kept)
}

/// The tags of a text, each with the text before it. A tag includes its `<` and `>`.
struct Tags<'a> {
    /// The text after the last tag found.
    rest: &'a str,
    /// Whether `rest` may still contain the end of a comment. Without this flag, a text of many `<!--` would be searched to
    /// its end for each of them.
    can_end_comment: bool,
}

impl<'a> Tags<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text, can_end_comment: true }
    }

    /// Returns the position of the tag's `>` in `inside`, the text after a `<`: `None` if no tag opens there, and
    /// `Some(None)` if the tag has no `>`.
    fn end(&mut self, inside: &str) -> Option<Option<usize>> {
        if inside.starts_with("!--") {
            let end = self.can_end_comment.then(|| comment_end(inside)).flatten();
            self.can_end_comment = end.is_some();
            // Without an end it is not a comment, and tags may follow.
            return end.map(Some);
        }
        (inside.starts_with(['!', '?']) || is_named(inside)).then(|| tag_end(inside))
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest;
        let mut from = 0;
        loop {
            let start = from + text.get(from..)?.find('<')?;
            if let Some(end) = self.end(text.get(start + 1..)?) {
                // If no `>` follows, no later `<` opens a tag either.
                let end = start + 1 + end?;
                self.rest = text.get(end + 1..)?;
                return Some((text.get(..start)?, text.get(start..=end)?));
            }
            from = start + 1;
        }
    }
}

/// Returns the position of the `>` that ends a comment. Like browsers, this accepts `-->` and `--!>`.
fn comment_end(inside: &str) -> Option<usize> {
    let mut from = "!".len();
    loop {
        let at = from + inside.get(from..)?.find("--")?;
        let after = inside.get(at + 2..)?;
        if after.starts_with('>') {
            return Some(at + 2);
        }
        if after.starts_with("!>") {
            return Some(at + 3);
        }
        from = at + 1;
    }
}

/// Returns whether `inside` starts with a tag's name after an optional `/`. `<a@b.co>` is not a tag.
fn is_named(inside: &str) -> bool {
    let name = inside.strip_prefix('/').unwrap_or(inside);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.');
    let rest = name.trim_start_matches(is_part);
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && rest.starts_with(|next: char| next.is_ascii_whitespace() || matches!(next, '/' | '>'))
}

/// Returns the position of the tag's `>`. A `>` in a quoted attribute does not count, unless the quote is never closed.
fn tag_end(inside: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in inside.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    inside.find('>')
}

/// Returns a tag without the attributes whose names start with `on`.
fn clean_tag(tag: &str) -> String {
    let name_end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(tag.len());
    let (mut kept, mut rest) = match tag.split_at_checked(name_end) {
        Some((name, rest)) if name_end > 1 => (name.to_owned(), rest),
        _ => return tag.to_owned(),
    };
    while !rest.is_empty() {
        let length = attribute_length(rest);
        let Some((attribute, after)) = rest.split_at_checked(length) else {
            break;
        };
        let name = attribute.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let is_handler = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on"));
        if !is_handler {
            kept.push_str(attribute);
        }
        rest = after;
    }
    if !kept.ends_with('>') {
        kept.push('>');
    }
    kept
}

/// Returns the length of the next attribute, in bytes. It includes the blanks before the attribute and, at the end of the
/// tag, the `>`. Attributes end where browsers end them: only quotes around a value count, and the next attribute may follow
/// a closing quote without a blank.
fn attribute_length(text: &str) -> usize {
    let mut quote = None;
    let (mut has_name, mut has_equals, mut awaits_value) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        let is_blank = byte.is_ascii_whitespace();
        match (quote, byte) {
            (Some(open), byte) if open == byte => return at + 1,
            (Some(_), _) => {}
            (None, _) if awaits_value && is_blank => {}
            (None, b'"' | b'\'') if awaits_value => quote = Some(byte),
            (None, b'>') if has_name => return at,
            (None, _) if awaits_value => awaits_value = false,
            (None, _) if is_blank && has_name => return at,
            (None, b'/') if has_name && !has_equals => return at,
            (None, b'=') if has_name && !has_equals => (has_equals, awaits_value) = (true, true),
            (None, byte) => has_name |= !is_blank && byte != b'/',
        }
    }
    text.len()
}

/// Decodes entities once. `&lt;` and `&gt;` are kept, because the result could form a new tag.
fn decode_entities(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        let (before, from) = rest.split_at(start);
        kept.push_str(before);
        // No name is longer. If every `&` were searched to the end of the text, a text of `&` alone would take quadratic time.
        let entity = from.bytes().take(MAX_ENTITY_BYTES).position(|byte| byte == b';').and_then(|end| from.get(1..end));
        match entity.and_then(|name| Some((name, character(name)?))) {
            Some((name, character)) => {
                kept.push(character);
                rest = from.get(name.len() + 2..).unwrap_or_default();
            }
            None => {
                kept.push('&');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    kept.push_str(rest);
    kept
}

fn character(name: &str) -> Option<char> {
    let numbered = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let character = match name.strip_prefix('#') {
        None => entities::named(name)?,
        Some(digits) => match digits.strip_prefix(['x', 'X']) {
            Some(hex) => numbered(hex, 16)?,
            None => numbered(digits, 10)?,
        },
    };
    (!matches!(character, '<' | '>' | '\0')).then_some(character)
}
