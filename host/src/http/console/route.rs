//! Which page a request is for.

use hyper::Method;

use super::assets::{Asset, FOLDER};
use super::operators::OperatorRoute;
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
    /// A page for operators, behind `/ops`.
    Operator(OperatorRoute),
}

impl ConsoleRoute {
    /// Finds the page that a method and a path name.
    ///
    /// # Errors
    /// 404 if there is no such page, 405 if the page has no such method.
    pub(in crate::http) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let unknown = || Problem::unknown_path(path);
        let decoded = decoded_path(path).filter(|decoded| !decoded.contains('\0')).ok_or_else(unknown)?;
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
            ["ops", ref parts @ ..] => {
                let (found, allowed) = OperatorRoute::find(method, parts).ok_or_else(unknown)?;
                (found.map(Self::Operator), allowed)
            }
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
            Self::Operator(route) => route.template(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::ConsoleRoute;

    #[test]
    fn a_path_is_a_page_or_has_other_methods_or_is_unknown() {
        let id = "3d494a61-2860-4124-884c-830b14dbb585";
        for (method, path, expected) in [
            (Method::GET, "/", Ok("/")),
            (Method::POST, "/", Err(405)),
            (Method::POST, "/login", Ok("/login")),
            (Method::GET, "/logout", Err(405)),
            (Method::GET, "/assets/0/console.css", Err(404)),
            (Method::GET, "/jobs", Ok("/jobs")),
            (Method::GET, "/jobs/", Err(404)),
            (Method::GET, "/jobs/1/run", Err(404)),
            (Method::GET, &format!("/jobs/{id}/run"), Ok("/jobs/{id}/run")),
            (Method::GET, &format!("/groups/{id}/result"), Ok("/groups/{id}/result")),
            (Method::POST, &format!("/groups/{id}/check"), Ok("/groups/{id}/check")),
            (Method::POST, &format!("/jobs/{id}/run"), Err(405)),
            (Method::GET, &format!("/jobs/{id}/cancel"), Err(405)),
            (Method::POST, &format!("/jobs/{id}/undo"), Ok("/jobs/{id}/undo")),
            (Method::GET, &format!("/groups/{id}/undo"), Err(404)),
            (Method::DELETE, &format!("/files/{id}/map"), Err(405)),
            (Method::GET, &format!("/files/{id}/map"), Ok("/files/{id}/map")),
            (Method::GET, "/ops", Err(404)),
            (Method::GET, "/ops/overview", Ok("/ops/overview")),
            (Method::GET, &format!("/ops/jobs/{id}"), Ok("/ops/jobs/{id}")),
            (Method::GET, &format!("/ops/jobs/{id}/cancel"), Ok("/ops/jobs/{id}/cancel")),
            (Method::PUT, &format!("/ops/jobs/{id}/cancel"), Err(405)),
            (Method::GET, "/ops/components/sha256:0/check", Err(405)),
            (Method::POST, "/ops/tenants/a/limits", Ok("/ops/tenants/{tenant}/limits")),
            (Method::GET, "/ops/tenants/a%2Fb", Err(404)),
            (Method::GET, "/ops/tenants/%00", Err(404)),
            (Method::GET, &format!("/ops/tenants/a/webhooks/{id}"), Ok("/ops/tenants/{tenant}/webhooks/{id}")),
            (Method::POST, &format!("/ops/webhooks/{id}/switch"), Ok("/ops/webhooks/{id}/switch")),
            (Method::GET, &format!("/ops/webhooks/{id}/switch"), Err(405)),
            (Method::GET, "/ops/webhooks/1", Err(404)),
            (Method::POST, "/ops/components/sha256:0", Err(405)),
            (Method::GET, "/ops/components/sha256:0/assign", Ok("/ops/components/{component}/assign")),
            (Method::GET, "/%6aobs", Ok("/jobs")),
            (Method::GET, "/jobs%2f", Err(404)),
            (Method::GET, "//evil.example", Err(404)),
        ] {
            let found = ConsoleRoute::find(&method, path);
            let found = found.as_ref().map(ConsoleRoute::template).map_err(|problem| problem.status().as_u16());
            assert_eq!(found, expected, "{method} {path}");
        }
    }
}
