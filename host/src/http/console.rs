//! The console: pages for people, on a listener of its own. Tenants bring a file and see what became of it; operators see what the
//! installation does, and change its settings.
//!
//! Every page is whole HTML and works without script; what script adds is in `assets/`. Nothing is loaded from another origin.
//! A page does what the API does, by the same service, and so within the same limits.

mod assets;
mod file_turns;
mod form;
mod login;
mod operators;
mod page;
mod refusal;
mod route;
mod session;
mod tenant;
mod words;

use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::SET_COOKIE;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request};

use self::file_turns::FileTurns;
use self::form::Form;
pub(super) use self::operators::Operators;
use self::page::see_other;
pub(super) use self::route::ConsoleRoute;
use self::session::{Sessions, Visitor, no_cookie, session_id};
use super::body::{Bodies, ByteBody};
use super::body_memory::Owner;
use super::client_api::{CHECKED_FOR, ClientApi};
use super::content_coding::Accepted;
use super::problem::Problem;
use super::reply::Reply;
use super::request_shares::RequestShares;
use super::sender::Sender;
use super::single_headers::check_single_headers;
use crate::domain::TenantId;

/// Bytes of a form's body, but for a form that brings a file.
const MAX_FORM_BYTES: usize = 64 << 10;

/// What stands for the operators among tenants where large answers are counted; tenants are counted from 1.
const OPERATORS: TenantId = TenantId(0);

/// The console.
pub(super) struct Console {
    /// What answers a tenant's calls. The console shares its limits.
    client: Arc<ClientApi>,
    /// The operators' pages, if operators can log in.
    operators: Option<Operators>,
    sessions: Sessions,
    /// Bounds the console's connections that one tenant's requests take.
    request_shares: Arc<RequestShares>,
    reasons: Arc<tenant::ReasonCache>,
    file_turns: FileTurns,
}

impl Console {
    /// Creates the console beside the API whose limits it shares.
    pub(super) fn new(client: Arc<ClientApi>, operators: Option<Operators>, connections: usize) -> Self {
        Self {
            sessions: Sessions::new(Arc::clone(client.service())),
            client,
            operators,
            request_shares: Arc::new(RequestShares::new(connections)),
            reasons: Arc::default(),
            file_turns: FileTurns::new(),
        }
    }

    /// Answers a request: with a page, also where it is refused.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Reply {
        let route = ConsoleRoute::find(request.method(), request.uri().path());
        if let Ok(ConsoleRoute::Asset(asset)) = route {
            return asset.answer(request.headers());
        }
        let accepted = Accepted::of(request.headers());
        // The length of a compressed answer tells something, so no other page may have a browser ask for one.
        let site = request.headers().get("sec-fetch-site");
        let is_of_own_page = site.is_some_and(|site| site == "same-origin" || site == "none");
        let is_secure = Sender::of(request.extensions()).is_ok_and(|sender| sender.is_secure);
        let (visitor, answer) = match self.visitor(&request).await {
            Ok(visitor) => {
                let answer = self.route(route, &visitor, request).await;
                (visitor, answer)
            }
            Err(problem) => (Visitor::Nobody, Err(problem)),
        };
        let mut reply = answer.unwrap_or_else(|problem| refusal::page(&visitor, problem));
        let tenant = match &visitor {
            Visitor::Tenant(tenant, _) => tenant,
            Visitor::Nobody => return reply,
            Visitor::Operator(_) => {
                let reply = match self.client.hold(OPERATORS, reply) {
                    Ok(reply) => reply,
                    Err(problem) => refusal::page(&visitor, problem),
                };
                return if is_of_own_page {
                    self.client.compress(reply, Owner::Operator, accepted).await
                } else {
                    reply
                };
            }
            Visitor::Ended => {
                Problem::wrong_credentials().tell(&mut reply);
                if !reply.headers().contains_key(SET_COOKIE) {
                    reply.headers_mut().extend(no_cookie(is_secure).ok().map(|cookie| (SET_COOKIE, cookie)));
                }
                return reply;
            }
        };
        let reply = match self.client.hold(tenant.id, reply) {
            Ok(reply) => reply,
            Err(problem) => refusal::page(&visitor, problem),
        };
        if is_of_own_page { self.client.compress(reply, Owner::Tenant(tenant.id), accepted).await } else { reply }
    }

    /// Receives what a page sends. Checks the session once more if that took long: its secret may have been revoked meanwhile.
    ///
    /// # Errors
    /// As for any body, and 403 if there is no such session any more.
    async fn receive(&self, bodies: &Bodies, head: &Parts, body: Incoming) -> Result<ByteBody, Problem> {
        let begun = Instant::now();
        let received = bodies.receive_bytes(&head.headers, body).await?;
        if begun.elapsed() >= CHECKED_FOR {
            let sender = Sender::of(&head.extensions)?;
            let id = session_id(&head.headers, sender.is_secure).ok_or_else(Problem::session_ended)?;
            self.sessions.visitor(&id, self.operators.as_ref()).await?.ok_or_else(Problem::session_ended)?;
        }
        Ok(received)
    }

    /// Finds out who sends a request.
    async fn visitor(&self, request: &Request<Incoming>) -> Result<Visitor, Problem> {
        check_single_headers(request.headers())?;
        let sender = Sender::of(request.extensions())?;
        let Some(id) = session_id(request.headers(), sender.is_secure) else { return Ok(Visitor::Nobody) };
        // Who guesses ids costs the store as much as who guesses secrets.
        let attempt = self.client.failed_logins().admit(sender.client, Some(id.hash()))?;
        let visitor = match self.sessions.visitor(&id, self.operators.as_ref()).await? {
            Some(visitor) => visitor,
            None => {
                attempt.failed()?;
                return Ok(Visitor::Ended);
            }
        };
        attempt.succeeded();
        match &visitor {
            Visitor::Tenant(tenant, _) => {
                sender.is_called(&tenant.name);
                let share = self.request_shares.take(tenant.id).ok_or_else(Problem::too_many_requests)?;
                sender.authenticated(Some(share))?;
            }
            Visitor::Operator(rights) => {
                sender.is_called(rights.caller());
                sender.authenticated(None)?;
            }
            Visitor::Nobody | Visitor::Ended => {}
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
        if matches!(route, ConsoleRoute::Operator(_)) && self.operators.is_none() {
            return Err(Problem::unknown_path(request.uri().path()));
        }
        match (route, visitor) {
            (ConsoleRoute::Home | ConsoleRoute::Login, Visitor::Tenant(..)) => Ok(see_other("/jobs")),
            (ConsoleRoute::Home | ConsoleRoute::Login, Visitor::Operator(_)) => Ok(see_other(operators::OVERVIEW)),
            (ConsoleRoute::Home, Visitor::Nobody | Visitor::Ended) => Ok(see_other("/login")),
            (ConsoleRoute::Login, Visitor::Nobody | Visitor::Ended) => {
                let query = Form::read(request.uri().query().unwrap_or_default().as_bytes())?;
                let fault = query.text(login::FAULT).and_then(login::LoginFault::parse);
                Ok(login::page(fault, self.operators.is_some()))
            }
            (ConsoleRoute::LogIn, _) => self.log_in(request).await,
            (ConsoleRoute::LogOut, _) => self.log_out(request).await,
            (ConsoleRoute::Tenant(route), Visitor::Tenant(tenant, scope)) => {
                self.tenant_page(route, (**tenant).clone(), *scope, request).await
            }
            (ConsoleRoute::Operator(route), Visitor::Operator(rights)) => {
                let operators = self.operators.as_ref().ok_or_else(Problem::session_ended)?;
                self.operator_page(operators, *rights, route, request).await
            }
            (ConsoleRoute::Tenant(_), Visitor::Operator(_)) => Err(Problem::page_of_others(
                "This page is for a tenant, and you are logged in as an operator. Log out, and log in with a client id and its secret.",
            )),
            (ConsoleRoute::Operator(_), Visitor::Tenant(..)) => Err(Problem::page_of_others(
                "This page is for operators, and you are logged in for a tenant. Log out, and log in with an operator's token.",
            )),
            // After the log-in, the person begins again: an address that others may have made is not followed.
            (ConsoleRoute::Tenant(_) | ConsoleRoute::Operator(_), Visitor::Nobody) => Ok(see_other("/login")),
            (ConsoleRoute::Tenant(_) | ConsoleRoute::Operator(_), Visitor::Ended) => {
                Ok(login::LoginFault::Ended.tell())
            }
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
