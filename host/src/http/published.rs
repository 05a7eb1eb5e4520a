//! Texts that everybody may read, also without credentials, and keep for a while. They change only with the program.

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use sha2::{Digest as _, Sha256};

use super::entity_tag::is_tag_known;
use super::reply::{Reply, ReplyBody};

/// How long everybody may keep a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Some minutes, since another program may have another text at the same path.
    Minutes,
    /// A year, since another text has another path.
    ForEver,
}

impl Kept {
    fn cache_control(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Minutes => "max-age=300",
            Self::ForEver => "public, max-age=31536000, immutable",
        })
    }
}

/// A text that everybody may read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Published {
    content_type: &'static str,
    text: &'static str,
    kept: Kept,
    /// The digest of the text. A cache that has another knows that the program is another.
    tag: String,
}

impl Published {
    /// Creates what is published from a text of a type.
    pub(super) fn new(content_type: &'static str, text: &'static str, kept: Kept) -> Self {
        Self { content_type, text, kept, tag: hex::encode(Sha256::digest(text)) }
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &'static str {
        self.text
    }

    /// Returns the digest of the text, in hexadecimal digits.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    /// Answers a request: with the text, or with 304 if the client has it already.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Reply {
        let is_known = is_tag_known(headers, &self.tag);
        let text = if is_known { "" } else { self.text };
        let mut reply = Response::new(ReplyBody::Whole(Bytes::from_static(text.as_bytes())));
        if is_known {
            *reply.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        }
        reply.headers_mut().insert(CACHE_CONTROL, self.kept.cache_control());
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.tag)).ok();
        reply.headers_mut().extend(tag.map(|tag| (ETAG, tag)));
        reply
    }
}
