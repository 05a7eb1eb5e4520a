//! `GET /openapi.json`: the description of the API, by OpenAPI 3.1. Nobody needs credentials for it, since it is the same for all.
//!
//! The descriptions are edited as `docs/openapi.yaml` and `docs/openapi-admin.yaml`. `scripts/openapi` writes the files that are
//! embedded here.

use std::sync::LazyLock;

use hyper::HeaderMap;
use hyper::header::{ETAG, HeaderValue, IF_NONE_MATCH};
use sha2::{Digest as _, Sha256};

use super::reply::{Reply, published, unchanged};

/// The path of the description, on the listener that it describes.
pub(super) const DESCRIPTION_PATH: &str = "/openapi.json";

/// The description of the API for clients.
pub(super) static CLIENT_DESCRIPTION: LazyLock<Published> =
    LazyLock::new(|| Published::new("application/json", include_str!("openapi.json")));

/// The description of the API for operators.
pub(super) static ADMIN_DESCRIPTION: LazyLock<Published> =
    LazyLock::new(|| Published::new("application/json", include_str!("openapi-admin.json")));

/// A text that everybody may read and keep for a while, and that changes only with the program.
pub(super) struct Published {
    content_type: &'static str,
    text: &'static str,
    /// The digest of the text, in quotes. A cache that has another knows that the program is another.
    etag: String,
}

impl Published {
    /// Creates what is published from a text of a type.
    pub(super) fn new(content_type: &'static str, text: &'static str) -> Self {
        Self { content_type, text, etag: format!("\"{}\"", hex::encode(Sha256::digest(text))) }
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &'static str {
        self.text
    }

    /// Answers a request: with the text, or with 304 if the client has it already.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Reply {
        let mut reply = if self.is_known(headers) { unchanged() } else { published(self.content_type, self.text) };
        reply.headers_mut().extend(HeaderValue::from_str(&self.etag).ok().map(|etag| (ETAG, etag)));
        reply
    }

    /// Returns whether `If-None-Match` has the tag, as RFC 9110, section 13.1.2, compares tags.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let listed = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut tags = listed.flat_map(|value| value.split(',')).map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }
}

#[cfg(test)]
mod tests;
