//! The files that pages name: styles and scripts. Each has the digest of its bytes in its path, so that a browser keeps it for ever.

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::http::entity_tag::is_tag_known;
use crate::http::reply::{Reply, ReplyBody, published_not_modified};

/// What the paths of all files begin with.
pub(super) const FOLDER: &str = "/assets/";
/// A year: a file that changes gets another path.
const KEPT_FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The styles of all pages.
pub(super) static STYLES: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console.css", "text/css; charset=utf-8", include_bytes!("assets/console.css")));
/// What a page with a job in progress shows of it.
pub(super) static PROGRESS: LazyLock<Asset> =
    LazyLock::new(|| script("progress.js", include_bytes!("assets/progress.js")));
/// What a page on which a file is chosen does.
pub(super) static UPLOAD: LazyLock<Asset> = LazyLock::new(|| script("upload.js", include_bytes!("assets/upload.js")));
/// The sign of the console.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_bytes!("assets/icon.svg")));

/// A file that pages name.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Asset {
    content_type: &'static str,
    bytes: &'static [u8],
    tag: String,
    path: String,
}

fn script(name: &str, bytes: &'static [u8]) -> Asset {
    Asset::new(name, "text/javascript; charset=utf-8", bytes)
}

impl Asset {
    fn new(name: &str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        let tag = hex::encode(Sha256::digest(bytes));
        let path = format!("{FOLDER}{}/{name}", tag.get(..16).unwrap_or_default());
        Self { content_type, bytes, tag, path }
    }

    /// Returns the path by which pages name the file.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Finds the file with a path.
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        [&*STYLES, &*PROGRESS, &*UPLOAD, &*ICON].into_iter().find(|asset| asset.path == path)
    }

    /// Answers a request: with the file, or with 304 if the client has it already.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Reply {
        if is_tag_known(headers, &self.tag) {
            return published_not_modified();
        }
        let mut reply = Response::new(ReplyBody::Whole(Bytes::from_static(self.bytes)));
        let own = reply.headers_mut();
        own.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        own.insert(CACHE_CONTROL, KEPT_FOR_EVER);
        own.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        own.extend(HeaderValue::from_str(&format!("\"{}\"", self.tag)).ok().map(|tag| (ETAG, tag)));
        reply
    }
}
