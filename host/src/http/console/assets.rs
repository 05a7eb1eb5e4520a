//! The files that pages name: styles and scripts. Each has the digest of its text in its path, so that a browser keeps it for ever.

use std::sync::LazyLock;

use hyper::HeaderMap;

use crate::http::console::page::guard;
use crate::http::published::{Kept, Published};
use crate::http::reply::Reply;

/// What the paths of all files begin with.
pub(super) const FOLDER: &str = "/assets/";

/// The styles of all pages.
pub(super) static STYLES: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("console.css", "text/css; charset=utf-8", include_str!("assets/console.css")));
/// What a page with a job in progress shows of it.
pub(super) static PROGRESS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("progress.js", SCRIPT, include_str!("assets/progress.js")));
/// What a page on which a file is chosen does.
pub(super) static UPLOAD: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("upload.js", SCRIPT, include_str!("assets/upload.js")));
/// uPlot 1.6.32, which draws charts: https://github.com/leeoniya/uPlot, under the MIT licence.
pub(super) static CHARTS: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("uplot.js", SCRIPT, include_str!("assets/uplot/uPlot.iife.min.js")));
/// What the overview draws, and how it keeps up.
pub(super) static OVERVIEW: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("overview.js", SCRIPT, include_str!("assets/overview.js")));
/// How a part of a page keeps up.
pub(super) static LIVE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("live.js", SCRIPT, include_str!("assets/live.js")));
/// The sign of the console.
pub(super) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon.svg", "image/svg+xml", include_str!("assets/icon.svg")));

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file that pages name.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct Asset {
    path: String,
    published: Published,
}

impl Asset {
    fn new(name: &str, content_type: &'static str, text: &'static str) -> Self {
        let published = Published::new(content_type, text, Kept::ForEver);
        Self { path: format!("{FOLDER}{}/{name}", published.tag().get(..16).unwrap_or_default()), published }
    }

    /// Returns the path by which pages name the file.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Finds the file with a path.
    pub(super) fn find(path: &str) -> Option<&'static Self> {
        [&*STYLES, &*PROGRESS, &*UPLOAD, &*CHARTS, &*OVERVIEW, &*LIVE, &*ICON]
            .into_iter()
            .find(|asset| asset.path == path)
    }

    /// Answers a request for the file.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Reply {
        let mut reply = self.published.answer(headers);
        guard(reply.headers_mut());
        reply
    }
}
