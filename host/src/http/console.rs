//! The console: pages for people, on a listener of its own. Tenants bring a file and see what became of it.
//!
//! Every page is whole HTML and works without script; what script adds is in `assets/`. Nothing is loaded from another origin.
//! A page does what the API does, by the same service, and so within the same limits.

mod assets;
mod form;
mod login;
mod page;
mod refusal;
mod route;
mod session;
mod tenant;
mod words;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request};

use self::form::Form;
use self::page::see_other;
pub(super) use self::route::ConsoleRoute;
use self::session::{Sessions, Visitor};
use super::client_api::ClientApi;
use super::content_coding::Accepted;
use super::failed_logins::FailedLogins;
use super::problem::Problem;
use super::reply::Reply;
use super::sender::Sender;
use super::single_headers::check_single_headers;

/// Bytes of a form's body, but for a form that brings a file.
const MAX_FORM_BYTES: usize = 64 << 10;

/// The console.
pub(super) struct Console {
    /// What answers a tenant's calls. The console shares its limits.
    client: Arc<ClientApi>,
    sessions: Sessions,
    failed_logins: FailedLogins,
    reasons: Arc<tenant::ReasonCache>,
}

impl Console {
    /// Creates the console beside the API whose limits it shares.
    pub(super) fn new(client: Arc<ClientApi>) -> Self {
        Self {
            sessions: Sessions::new(Arc::clone(client.service())),
            client,
            failed_logins: FailedLogins::default(),
            reasons: Arc::default(),
        }
    }

    /// Answers a request: with a page, also where it is refused.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        let route = ConsoleRoute::find(request.method(), request.uri().path());
        if let Ok(ConsoleRoute::Asset(asset)) = route {
            return asset.answer(request.headers());
        }
        let accepted = Accepted::of(request.headers());
        let (visitor, answer) = match self.visitor(&request).await {
            Ok(visitor) => {
                let answer = self.route(route, &visitor, request).await;
                (visitor, answer)
            }
            Err(problem) => (Visitor::Nobody, Err(problem)),
        };
        let reply = answer.unwrap_or_else(|problem| refusal::page(&visitor, problem));
        match (visitor, accepted) {
            (Visitor::Tenant(tenant, _), accepted) => self.client.compress(reply, tenant.id, accepted).await,
            (Visitor::Nobody, _) => reply,
        }
    }

    /// Finds out who sends a request.
    async fn visitor(&self, request: &Request<Incoming>) -> Result<Visitor, Problem> {
        check_single_headers(request.headers())?;
        let sender = Sender::of(request.extensions())?;
        let visitor = self.sessions.visitor(request.headers(), sender.is_secure).await?;
        if let Visitor::Tenant(tenant, _) = &visitor {
            sender.is_called(&tenant.name);
            sender.authenticated(Some(self.client.request_share(tenant.id)?))?;
        }
        Ok(visitor)
    }

    async fn route(
        &self,
        route: Result<ConsoleRoute, Problem>,
        visitor: &Visitor,
        request: Request<Incoming>,
    ) -> Result<Reply, Problem> {
        let route = route?;
        if request.method() == Method::POST {
            check_origin(&request)?;
        }
        match (route, visitor) {
            (ConsoleRoute::Home | ConsoleRoute::Login, Visitor::Tenant(..)) => Ok(see_other("/jobs")),
            (ConsoleRoute::Home, Visitor::Nobody) => Ok(see_other("/login")),
            (ConsoleRoute::Login, Visitor::Nobody) => {
                let query = Form::read(request.uri().query().unwrap_or_default().as_bytes())?;
                Ok(login::page(query.text(login::FAULT).and_then(login::LoginFault::parse)))
            }
            (ConsoleRoute::LogIn, _) => self.log_in(request).await,
            (ConsoleRoute::LogOut, _) => self.log_out(request).await,
            (ConsoleRoute::Tenant(route), Visitor::Tenant(tenant, scope)) => {
                self.tenant_page(route, (**tenant).clone(), *scope, request).await
            }
            // After the log-in, the person begins again: an address that others may have made is not followed.
            (ConsoleRoute::Tenant(_), Visitor::Nobody) => Ok(see_other("/login")),
            (ConsoleRoute::Asset(asset), _) => Ok(asset.answer(request.headers())),
        }
    }
}

/// Refuses a request that changes something, unless a page of the console sent it.
///
/// # Errors
/// 403 if another page sent it, or nothing says which one.
fn check_origin<T>(request: &Request<T>) -> Result<(), Problem> {
    let is_own = Sender::of(request.extensions())?.refuse_other_origins(request.headers()).is_ok();
    if is_own && says_origin(request.headers()) { Ok(()) } else { Err(Problem::foreign_form()) }
}

fn says_origin(headers: &HeaderMap) -> bool {
    ["sec-fetch-site", "origin"].iter().any(|name| headers.contains_key(*name))
}
