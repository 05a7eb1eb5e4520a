//! `GET /openapi.json`: the description of the API, by OpenAPI 3.1. Nobody needs credentials for it, since it is the same for all.
//!
//! The descriptions are edited as `docs/openapi.yaml` and `docs/openapi-admin.yaml`. `scripts/openapi` writes the files that are
//! embedded here.

use std::sync::LazyLock;

use hyper::HeaderMap;
use hyper::header::{ETAG, HeaderValue};
use sha2::{Digest as _, Sha256};

use super::entity_tag::is_tag_known;
use super::reply::{Reply, published, published_not_modified};

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
    /// The digest of the text. A cache that has another knows that the program is another.
    tag: String,
}

impl Published {
    /// Creates what is published from a text of a type.
    pub(super) fn new(content_type: &'static str, text: &'static str) -> Self {
        Self { content_type, text, tag: hex::encode(Sha256::digest(text)) }
    }

    /// Returns the text.
    pub(super) fn text(&self) -> &'static str {
        self.text
    }

    /// Answers a request: with the text, or with 304 if the client has it already.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Reply {
        let is_known = is_tag_known(headers, &self.tag);
        let mut reply = if is_known { published_not_modified() } else { published(self.content_type, self.text) };
        let tag = HeaderValue::from_str(&format!("\"{}\"", self.tag)).ok();
        reply.headers_mut().extend(tag.map(|tag| (ETAG, tag)));
        reply
    }
}

#[cfg(test)]
mod tests;
