//! Which page a request is for.

use hyper::Method;

use super::assets::{Asset, FOLDER};
use super::tenant::TenantRoute;
use crate::http::path::decoded_path;
use crate::http::problem::Problem;

/// What a request to the console is for.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) enum ConsoleRoute {
    /// `GET /assets/{digest}/{name}`.
    Asset(&'static Asset),
    /// `GET /`.
    Home,
    /// `GET /login`.
    Login,
    /// `POST /login`.
    LogIn,
    /// `POST /logout`.
    LogOut,
    /// A page for a tenant.
    Tenant(TenantRoute),
}

impl ConsoleRoute {
    /// Finds the page that a method and a path name.
    ///
    /// # Errors
    /// 404 if there is no such page, 405 if the page has no such method.
    pub(in crate::http) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let unknown = || Problem::unknown_path(path);
        let decoded = decoded_path(path).ok_or_else(unknown)?;
        if decoded.starts_with(FOLDER) {
            return Asset::find(&decoded).filter(|_| *method == Method::GET).map(Self::Asset).ok_or_else(unknown);
        }
        let parts: Vec<&str> = decoded.strip_prefix('/').ok_or_else(unknown)?.split('/').collect();
        let is_get = *method == Method::GET;
        let is_post = *method == Method::POST;
        let (found, allowed) = match *parts.as_slice() {
            [""] => (is_get.then_some(Self::Home), "GET"),
            ["login"] if is_post => (Some(Self::LogIn), "GET, POST"),
            ["login"] => (is_get.then_some(Self::Login), "GET, POST"),
            ["logout"] => (is_post.then_some(Self::LogOut), "POST"),
            ref parts => {
                let (found, allowed) = TenantRoute::find(method, parts).ok_or_else(unknown)?;
                (found.map(Self::Tenant), allowed)
            }
        };
        found.ok_or_else(|| Problem::wrong_method(method.as_str(), allowed))
    }

    /// Returns the template of the path, for metrics and traces.
    pub(in crate::http) fn template(&self) -> &'static str {
        match self {
            Self::Asset(_) => "/assets/{digest}/{name}",
            Self::Home => "/",
            Self::Login | Self::LogIn => "/login",
            Self::LogOut => "/logout",
            Self::Tenant(route) => route.template(),
        }
    }
}
