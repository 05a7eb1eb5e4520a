//! What all pages have: the head, the way around, and the headers that keep a page from doing what it should not.

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFERRER_POLICY};
use hyper::{HeaderMap, Response, StatusCode};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::assets::{Asset, ICON, STYLES};
use super::session::Visitor;
use crate::http::reply::{Reply, ReplyBody};
use crate::tenants::Permission;

/// What a page may load and do: what comes from here, and nothing that is written into the page itself.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// A page before it is sent.
pub(super) struct Page {
    title: String,
    heading: Option<Markup>,
    content: Markup,
    status: StatusCode,
    scripts: Vec<&'static Asset>,
    /// Scripts that are no modules, which run before the others.
    classic_scripts: Vec<&'static Asset>,
    /// The place in the navigation.
    place: Place,
    /// Seconds after which a browser without script asks again.
    again: Option<u32>,
}

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    None,
    Upload,
    Jobs,
    Overview,
    AllJobs,
    Tenants,
    Components,
    Webhooks,
    Audit,
    Servers,
}

/// The operators' pages, by the ways to them.
const OPERATORS_PAGES: [(&str, &str, Place); 7] = [
    ("/ops/overview", "Overview", Place::Overview),
    ("/ops/jobs", "Jobs", Place::AllJobs),
    ("/ops/tenants", "Tenants", Place::Tenants),
    ("/ops/components", "Components", Place::Components),
    ("/ops/webhooks", "Webhooks", Place::Webhooks),
    ("/ops/audit", "Audit log", Place::Audit),
    ("/ops/servers", "Servers", Place::Servers),
];

impl Page {
    /// Creates a page with a title, which is also its heading.
    pub(super) fn new(title: impl Into<String>, content: Markup) -> Self {
        Self {
            title: title.into(),
            heading: None,
            content,
            status: StatusCode::OK,
            scripts: Vec::new(),
            classic_scripts: Vec::new(),
            place: Place::None,
            again: None,
        }
    }

    /// Puts something above the heading, such as the steps of a way.
    pub(super) fn under(self, heading: Markup) -> Self {
        Self { heading: Some(heading), ..self }
    }

    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    pub(super) fn with_script(mut self, script: &'static Asset) -> Self {
        self.scripts.push(script);
        self
    }

    pub(super) fn with_classic_script(mut self, script: &'static Asset) -> Self {
        self.classic_scripts.push(script);
        self
    }

    pub(super) fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// Has a browser without script ask again after some seconds.
    pub(super) fn asks_again(self, seconds: u32) -> Self {
        Self { again: Some(seconds), ..self }
    }

    /// Writes the page for a visitor.
    pub(super) fn reply(self, visitor: &Visitor) -> Reply {
        let Self { title, heading, content, status, scripts, classic_scripts, place, again } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    title { (title) " · Bulkhead" }
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    link rel="icon" href=(ICON.path()) type="image/svg+xml";
                    link rel="stylesheet" href=(STYLES.path());
                    @for script in classic_scripts { script defer src=(script.path()) {} }
                    @for script in scripts {
                        script type="module" src=(script.path()) {}
                    }
                    @if let Some(seconds) = again {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                    }
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    header.top {
                        a.brand href="/" { (mark()) "Bulkhead" }
                        (ways(visitor, place))
                    }
                    main id="main" tabindex="-1" {
                        @if let Some(heading) = heading { (heading) }
                        h1 { (title) }
                        (content)
                    }
                }
            }
        };
        html_reply(status, page)
    }
}

/// The ways to other pages, and who is logged in.
fn ways(visitor: &Visitor, place: Place) -> Markup {
    let (links, title, who) = match visitor {
        Visitor::Nobody | Visitor::Ended => return Markup::default(),
        Visitor::Tenant(tenant, scope) => {
            let links = html! {
                @if scope.allows(Permission::Change) { (link("/upload", "New import", place == Place::Upload)) }
                (link("/jobs", "Jobs", place == Place::Jobs))
            };
            (links, "The tenant whose contacts you see", tenant.name.as_str())
        }
        Visitor::Operator(rights) => {
            let links =
                html! { @for (path, name, its_place) in OPERATORS_PAGES { (link(path, name, place == its_place)) } };
            (links, "Whose token you logged in with", rights.caller())
        }
    };
    html! {
        nav aria-label="Pages" { (links) }
        form.who method="post" action="/logout" {
            span.tenant title=(title) { (who) }
            button.plain type="submit" { "Log out" }
        }
    }
}

/// A number or a word with what it counts or says.
pub(super) fn figure(kind: &str, label: &str, value: &str) -> Markup {
    html! { div data-kind=(kind) { dt { (label) } dd { (value) } } }
}

/// Returns a piece of a page, which a script puts in the place of another.
pub(super) fn fragment(content: Markup) -> Reply {
    html_reply(StatusCode::OK, content)
}

fn html_reply(status: StatusCode, content: Markup) -> Reply {
    let mut reply = Response::new(ReplyBody::Whole(Bytes::from(content.into_string())));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    // Its own pages must say where a form comes from.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    guard(headers);
    reply
}

/// Keeps other origins from using an answer, and a browser from taking it for something else.
pub(super) fn guard(headers: &mut HeaderMap) {
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

fn link(path: &str, name: &str, is_here: bool) -> Markup {
    html! { a href=(path) aria-current=[is_here.then_some("page")] { (name) } }
}

/// The sign of the console: a hull with its walls.
fn mark() -> Markup {
    PreEscaped(String::from(
        r#"<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><rect x="2" y="4" width="20" height="16" rx="4"/><path d="M9 4v16M15 4v16"/></svg>"#,
    ))
}

/// Sends the browser to another page, such as the one that shows what a form did.
pub(super) fn see_other(path: &str) -> Reply {
    let mut reply = Response::new(ReplyBody::Whole(Bytes::new()));
    *reply.status_mut() = StatusCode::SEE_OTHER;
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply.headers_mut().extend(HeaderValue::from_str(path).ok().map(|path| (LOCATION, path)));
    reply
}
