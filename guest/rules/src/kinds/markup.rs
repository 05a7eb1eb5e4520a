//! Tags and entities: how Mautic's input filter makes plain text of markup, and markup harmless.

use std::borrow::Cow;

use crate::contact::Value;
use crate::json::Raw;
use crate::schema::FieldRule;

use super::text::{check_length, trim};
use super::{NOT_VALID, Taken, entities};

/// Longest entity that is decoded, in bytes.
const ENTITY_LIMIT: usize = 11;

/// An `html` field keeps its markup, without attributes that run scripts.
pub(super) fn take(field: &FieldRule, raw: &Raw<'_>) -> Taken {
    let sent = raw.as_text().ok_or(NOT_VALID)?;
    let text = without_handlers(trim(&sent));
    if text.is_empty() {
        return Ok(None);
    }
    check_length(field, &text)?;
    Ok(Some(Value::Text(text.into_owned())))
}

/// Plain text: tags stripped, entities decoded once, trimmed. A `<` that opens no tag stays.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let trimmed = trim(text);
    // Without a way out of the loop it is done many bytes at a time.
    let has_markup = trimmed.bytes().fold(false, |found, byte| found | (byte == b'<') | (byte == b'&'));
    if !has_markup {
        return Cow::Borrowed(trimmed);
    }
    let stripped = without_tags(trimmed);
    let decoded = decoded(&stripped);
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

fn without_handlers(text: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut tags = Tags::of(text);
    for (before, tag) in tags.by_ref() {
        kept.push_str(before);
        kept.push_str(&cleaned_tag(tag));
    }
    if kept.is_empty() {
        return Cow::Borrowed(text);
    }
    kept.push_str(tags.rest);
    Cow::Owned(kept)
}

/// The real tags of a text, each with what stands before it; both `<` and `>` are part of a tag.
struct Tags<'a> {
    /// What follows the last tag.
    rest: &'a str,
    /// Whether a comment may still end. Looked for once: a text may be all `<!--`.
    can_end_comment: bool,
}

impl<'a> Tags<'a> {
    fn of(text: &'a str) -> Self {
        Self { rest: text, can_end_comment: true }
    }

    /// The place of the tag's `>` if a tag opens behind a `<`.
    fn end(&mut self, inside: &str) -> Option<Option<usize>> {
        if inside.starts_with("!--") {
            let end = self.can_end_comment.then(|| comment_end(inside)).flatten();
            self.can_end_comment = end.is_some();
            // One that never ends is no comment, and tags may follow.
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
                // Without a `>` anywhere behind it, no later `<` opens a tag either.
                let end = start + 1 + end?;
                self.rest = text.get(end + 1..)?;
                return Some((text.get(..start)?, text.get(start..=end)?));
            }
            from = start + 1;
        }
    }
}

/// Where the comment's `>` is: `-->`, or `--!>`, where browsers end one, too.
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

/// Whether a tag's name stands here, perhaps behind a `/`: `<a@b.co>` is no tag.
fn is_named(inside: &str) -> bool {
    let name = inside.strip_prefix('/').unwrap_or(inside);
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.');
    let rest = name.trim_start_matches(is_part);
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && rest.starts_with(|next: char| next.is_ascii_whitespace() || matches!(next, '/' | '>'))
}

/// Where the tag's `>` is; one inside a quoted attribute does not count unless the quote is never closed.
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

/// A tag without its attributes that start with `on`.
fn cleaned_tag(tag: &str) -> String {
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

/// How many bytes the next attribute has, with the blanks before it and, at the end of the tag, the `>`. Attributes end where
/// browsers end them: quotes count around a value alone, and behind one the next attribute may follow at once.
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

/// Entities decoded once. `&lt;` and `&gt;` stay: decoded they could make a tag that was not there.
fn decoded(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        let (before, from) = rest.split_at(start);
        kept.push_str(before);
        // No name is longer; searched to its end, a text of nothing but `&` would take a very long time.
        let entity = from.bytes().take(ENTITY_LIMIT).position(|byte| byte == b';').and_then(|end| from.get(1..end));
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
