//! Logging in and out.

use hyper::body::Incoming;
use hyper::header::SET_COOKIE;
use hyper::{HeaderMap, Request};
use maud::html;

use super::form::Form;
use super::operators::{OVERVIEW, Operators};
use super::page::{Page, see_other};
use super::session::{LIFETIME, Visitor, no_cookie};
use super::words::duration;
use super::{Console, MAX_FORM_BYTES, refusal};
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::sender::Sender;
use crate::store::{Authentication, Tenant};
use crate::tenants::{Permission, Scope, Secret};

/// The parameter with the fault of the last attempt.
pub(super) const FAULT: &str = "fault";

/// Why nobody was logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoginFault {
    Incomplete,
    Wrong,
    WrongToken,
    SubmitOnly,
    /// Nobody tried: a session has ended.
    Ended,
}

impl LoginFault {
    const ALL: [(Self, &str); 5] = [
        (Self::Incomplete, "incomplete"),
        (Self::Wrong, "wrong"),
        (Self::WrongToken, "wrong-token"),
        (Self::SubmitOnly, "submit-only"),
        (Self::Ended, "ended"),
    ];

    /// Reads the fault in the address of the page.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(fault, _)| fault)
    }

    /// Sends the browser to the page with the form, so that its way back leads to pages alone.
    pub(super) fn tell(self) -> Reply {
        let name = Self::ALL.into_iter().find(|(fault, _)| *fault == self).map(|(_, name)| name).unwrap_or_default();
        see_other(&format!("/login?{FAULT}={name}"))
    }

    fn text(self) -> &'static str {
        match self {
            Self::Ended => {
                "Your session has ended, or its secret was revoked. Log in again; nothing of what you just sent was done."
            }
            Self::Incomplete => "Enter both the client id and the client secret.",
            Self::Wrong => {
                "There is no such client, or the secret is not its own. Whoever runs this server can give you another."
            }
            Self::WrongToken => "This is not a token of this server's operators.",
            Self::SubmitOnly => {
                "This secret may only send jobs, and the pages show what is stored. Ask for a secret with the scope 'full' or 'read'."
            }
        }
    }
}

/// Returns the page with the forms, and with why the last attempt failed.
pub(super) fn page(fault: Option<LoginFault>, has_operators: bool) -> Reply {
    let described = fault.map(|_| "fault");
    let page = Page::new(
        "Log in",
        html! {
            @if let Some(fault) = fault {
                p.note.bad role="alert" id="fault" { (fault.text()) }
            }
            form.card.narrow method="post" action="/login" {
                label for="client-id" { "Client id" }
                input id="client-id" name="client_id" autocomplete="username" autocapitalize="none" spellcheck="false" required
                    aria-describedby=[described];
                label for="client-secret" { "Client secret" }
                input id="client-secret" name="client_secret" type="password" autocomplete="current-password" required
                    aria-describedby=[described];
                button.primary type="submit" { "Log in" }
            }
            p.quiet { "You have both from whoever runs this server. After " (duration(LIFETIME.as_secs())) ", you log in again." }
            @if has_operators {
                details open[fault == Some(LoginFault::WrongToken)] {
                    summary { "You run this server?" }
                    form.card.narrow method="post" action="/login" {
                        label for="operator-token" { "Operator's token" }
                        input id="operator-token" name="operator_token" type="password" autocomplete="current-password" required
                            aria-describedby=[described];
                        button.primary type="submit" { "Log in as an operator" }
                    }
                }
            }
        },
    );
    page.reply(&Visitor::Nobody)
}

impl Console {
    /// Logs somebody in, with the credentials of a form.
    pub(super) async fn log_in(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        let sender = Sender::of(request.extensions())?;
        let (head, body) = request.into_parts();
        let body =
            self.client.bodies().of_strangers(MAX_FORM_BYTES).receive_bytes(&head.headers, body).await?.take_bytes();
        let form = Form::read(&body)?;
        if let (Some(token), Some(operators)) = (form.text("operator_token"), &self.operators) {
            return self.log_operator_in(operators, token.trim(), &sender, &head.headers).await;
        }
        let (Some(id), Some(secret)) = (form.text("client_id"), form.text("client_secret")) else {
            return Ok(LoginFault::Incomplete.tell());
        };
        // No client id contains NUL, and PostgreSQL accepts none in a text.
        if id.contains('\0') {
            return Ok(LoginFault::Wrong.tell());
        }
        let (id, secret) = (id.trim().to_owned(), Secret::from_client(secret.trim()));
        let hash = secret.hash();
        let attempt = self.client.failed_logins().admit(sender.client, Some(hash))?;
        let found = {
            let secret = secret.clone();
            self.client.blocking(move |service| Ok(service.authenticate(Some(&id), &secret)?)).await?
        };
        let (tenant, scope): (Box<Tenant>, Scope) = match found {
            Authentication::Tenant(tenant, scope) => (tenant, scope),
            Authentication::ExpiredToken | Authentication::Unknown => {
                attempt.failed()?;
                let mut reply = LoginFault::Wrong.tell();
                Problem::wrong_credentials().tell(&mut reply);
                return Ok(reply);
            }
        };
        attempt.succeeded();
        sender.is_called(&tenant.name);
        if !scope.allows(Permission::Read) {
            return Ok(LoginFault::SubmitOnly.tell());
        }
        // Whoever logs in again goes on with one session.
        self.sessions.end(&head.headers, sender.is_secure).await?;
        let cookie = self.sessions.begin(secret, &tenant, sender.is_secure).await?;
        let mut reply = see_other("/jobs");
        reply.headers_mut().insert(SET_COOKIE, cookie);
        Ok(reply)
    }

    /// Logs an operator in, with a token.
    async fn log_operator_in(
        &self,
        operators: &Operators,
        token: &str,
        sender: &Sender,
        headers: &HeaderMap,
    ) -> Result<Reply, Problem> {
        let hash = Secret::from_client(token).hash();
        let attempt = self.client.failed_logins().admit(sender.client, Some(hash))?;
        let Some(rights) = operators.rights(&hash) else {
            attempt.failed()?;
            let mut reply = LoginFault::WrongToken.tell();
            Problem::wrong_credentials().tell(&mut reply);
            return Ok(reply);
        };
        attempt.succeeded();
        sender.is_called(rights.caller());
        self.sessions.end(headers, sender.is_secure).await?;
        let cookie = self.sessions.begin_operators(hash, sender.is_secure).await?;
        let mut reply = see_other(OVERVIEW);
        reply.headers_mut().insert(SET_COOKIE, cookie);
        Ok(reply)
    }

    /// Logs the visitor out. The browser forgets the session also if the store cannot end it.
    pub(super) async fn log_out(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        let sender = Sender::of(request.extensions())?;
        let ended = self.sessions.end(request.headers(), sender.is_secure).await;
        let mut reply = match ended {
            Ok(()) => see_other("/login"),
            Err(problem) => refusal::page(&Visitor::Nobody, problem),
        };
        reply.headers_mut().insert(SET_COOKIE, no_cookie(sender.is_secure)?);
        Ok(reply)
    }
}
