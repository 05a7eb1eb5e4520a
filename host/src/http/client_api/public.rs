//! Requests that need no credentials, and those that name a token where none is taken.

use hyper::{HeaderMap, Method, Request};

use super::{TOKEN_METHOD, TOKEN_PATH};
use crate::http::api_description::CLIENT_DESCRIPTION;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route::{PublicText, Route};
use crate::http::{api_page, options};

/// The beginning of the paths at which clients look for tokens.
const TOKEN_FOLDER: &str = "/oauth/";

/// Returns whether a query has a token, as Mautic's clients can send it.
pub(super) fn names_token(query: Option<&str>) -> bool {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).any(|(name, _)| name == "access_token")
}

/// Answers a request that needs no credentials, because it asks for nothing of a tenant: which methods a path has, as browsers
/// do without credentials, what everybody may read, and what is no path of the token endpoint. So is `/`, where people look first.
pub(super) fn without_credentials<T>(request: &Request<T>) -> Option<Result<Reply, Problem>> {
    let (method, path) = (request.method(), request.uri().path());
    if method == Method::OPTIONS {
        let refusal = if path == TOKEN_PATH {
            Problem::wrong_method(method.as_str(), TOKEN_METHOD)
        } else {
            Route::find(method, path).err()?
        };
        return Some(options::answer(path, refusal));
    }
    if let Ok(Route::Public(text)) = Route::find(method, path) {
        return Some(Ok(public_text(text, request.headers())));
    }
    let is_unknown = path == "/" || (path.starts_with(TOKEN_FOLDER) && path != TOKEN_PATH);
    is_unknown.then(|| Err(Problem::unknown_path(path)))
}

/// Answers with what everybody may read.
pub(super) fn public_text(text: PublicText, headers: &HeaderMap) -> Reply {
    match text {
        PublicText::Description => CLIENT_DESCRIPTION.answer(headers),
        PublicText::Page => api_page::answer(headers),
    }
}
