//! `ETag` and `If-None-Match`, as RFC 9110 has them: a client that has an answer already is told so in place of getting it again.
//!
//! A tag stands for what the body says. It is strong for who gets the body as it is, byte for byte; and weak for who accepts a
//! compressed one, because the bytes then depend on how it is compressed. Tags are compared without regard to that, as the RFC
//! says for `If-None-Match`: both stand for the same rows.

use hyper::HeaderMap;
use hyper::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use sha2::{Digest as _, Sha256};

use super::content_coding::Accepted;
use super::reply::{Reply, not_modified};

/// Bytes of the hash that a tag has.
const TAG_BYTES: usize = 16;

/// What a request says of the answers that the client has.
#[derive(Debug, Clone)]
pub(super) struct KnownTags {
    values: Vec<HeaderValue>,
    /// Whether the client accepts a compressed answer.
    accepts_compressed: bool,
}

/// The tag of an answer.
#[derive(Debug)]
pub(super) struct EntityTag {
    /// What is between the quotation marks.
    opaque: String,
    is_weak: bool,
    is_known: bool,
}

impl KnownTags {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        // Copies, because a value of the head keeps the whole buffer of the connection while the request waits.
        let copied = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
        let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(copied).collect();
        Self { values, accepts_compressed: Accepted::of(headers).is_some() }
    }

    /// Returns whether the client says nothing of the answers that it has.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the tag of an answer. `parts` are everything that the answer's body depends on.
    pub(super) fn tag<'a>(&self, parts: impl IntoIterator<Item = &'a [u8]>) -> EntityTag {
        let mut hash = Sha256::new();
        // Another version may say the same in another form.
        for part in [env!("CARGO_PKG_VERSION").as_bytes()].into_iter().chain(parts) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let opaque = hex::encode(hash.finalize().get(..TAG_BYTES).unwrap_or_default());
        let is_known = self.values.iter().any(|value| names(value.as_bytes(), &opaque));
        EntityTag { opaque, is_weak: self.accepts_compressed, is_known }
    }
}

impl EntityTag {
    /// Returns whether the client has the answer with this tag already.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Returns the answer to a client that has the answer with this tag already.
    pub(super) fn if_known(&self) -> Option<Reply> {
        self.is_known.then(|| self.mark(not_modified()))
    }

    /// Puts the tag on an answer.
    pub(super) fn mark(&self, mut reply: Reply) -> Reply {
        let weak = if self.is_weak { "W/" } else { "" };
        if let Ok(value) = HeaderValue::from_str(&format!("{weak}\"{}\"", self.opaque)) {
            reply.headers_mut().insert(ETAG, value);
        }
        reply
    }
}

/// Returns whether the `If-None-Match` of a request names a tag, given without its quotation marks.
pub(super) fn is_tag_known(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().any(|value| names(value.as_bytes(), tag))
}

/// Returns whether the value of an `If-None-Match` names a tag, or all. What is behind a tag without its quotation marks is not
/// read.
fn names(value: &[u8], tag: &str) -> bool {
    let mut rest = value.trim_ascii();
    if rest == b"*" {
        return true;
    }
    loop {
        rest = rest.trim_ascii_start();
        if let Some(behind) = rest.strip_prefix(b",") {
            rest = behind;
            continue;
        }
        let quoted = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(inner) = quoted.strip_prefix(b"\"") else { return false };
        let Some(end) = inner.iter().position(|byte| *byte == b'"') else { return false };
        let (opaque, behind) = inner.split_at(end);
        if opaque == tag.as_bytes() {
            return true;
        }
        rest = behind.get(1..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{ACCEPT_ENCODING, ETAG, HeaderValue, IF_NONE_MATCH};

    use super::{KnownTags, names};
    use crate::http::reply::no_content;

    #[test]
    fn a_tag_is_found_in_any_list() {
        for (value, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("*", true),
            (" * ", true),
            ("\"b\", \"a\"", true),
            ("\"b\",W/\"a\",\"c\"", true),
            (", ,\"a\"", true),
            ("\"b,c\",\"a\"", true),
            ("", false),
            (",", false),
            ("a", false),
            ("\"b\"", false),
            ("\"a", false),
            ("\"A\"", false),
            ("\"*\"", false),
            ("*, \"b\"", false),
            ("w/\"a\"", false),
            ("\"b\" a, \"a\"", false),
            ("\"b,\"a\"", false),
        ] {
            assert_eq!(names(value.as_bytes(), "a"), expected, "{value}");
        }
    }

    #[test]
    fn a_tag_depends_on_each_part_and_is_weak_for_compressed_answers() {
        let tag = |known: &KnownTags, parts: &[&[u8]]| {
            known.tag(parts.iter().copied()).mark(no_content()).headers()[ETAG].to_str().unwrap().to_owned()
        };
        let plain = KnownTags::of(&HeaderMap::new());
        let first = tag(&plain, &[b"ab", b"c"]);
        assert_eq!(first.len(), 34);
        assert_eq!(first, tag(&plain, &[b"ab", b"c"]));
        assert_ne!(first, tag(&plain, &[b"a", b"bc"]));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        headers.append(IF_NONE_MATCH, HeaderValue::from_str(&first).unwrap());
        let compressed = KnownTags::of(&headers);
        assert_eq!(tag(&compressed, &[b"ab", b"c"]), format!("W/{first}"));
        let reply = compressed.tag([&b"ab"[..], b"c"]).if_known().unwrap();
        assert_eq!(reply.status(), 304);
        assert_eq!(reply.headers()[ETAG], format!("W/{first}"));
        assert!(compressed.tag([&b"other"[..]]).if_known().is_none());
        assert!(plain.tag([&b"ab"[..], b"c"]).if_known().is_none());
    }
}
