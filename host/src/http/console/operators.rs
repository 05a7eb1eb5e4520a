//! The operators' pages: what the installation does, the jobs of all tenants, and the settings of each. What an operator changes
//! here goes through the operations of the command line, and so into the audit log.

mod audit;
mod component;
mod components;
mod history;
mod job;
mod jobs;
mod links;
mod overview;
mod route;
mod servers;
mod settings;
mod tenant;
mod tenants;
mod webhooks;

use std::sync::Arc;

use hyper::Request;
use hyper::body::Incoming;
use maud::{Markup, html};
use tokio::sync::Semaphore;

use self::history::History;
pub(super) use self::links::OVERVIEW;
pub(in crate::http) use self::route::OperatorRoute;
use super::Console;
use super::form::Form;
use super::page::{Page, see_other};
use super::session::Visitor;
use crate::http::admin_api::{OperatorRights, OperatorTokens, TokenHashes};
use crate::http::blocking::blocking_in_turn;
use crate::http::gauge_reader::GaugeReader;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::sender::Sender;
use crate::jobs::Service;
use crate::operations::{Operations, Operator};

/// Bytes of an operator's form at most. A profile is the largest thing in one.
const MAX_FORM_BYTES: usize = 1 << 20;

/// Pages that are made at a time from what is stored.
const MAX_PAGES_AT_A_TIME: usize = 8;
/// Changes and checks at a time: they try components, and may wait for the store.
const MAX_WORKS_AT_A_TIME: usize = 4;

/// What the operators' pages need.
pub(in crate::http) struct Operators {
    operations: Operations,
    tokens: TokenHashes,
    gauges: Arc<GaugeReader>,
    history: Arc<History>,
    page_turns: Arc<Semaphore>,
    work_turns: Arc<Semaphore>,
}

impl Operators {
    /// Creates the pages for operators who have one of `tokens`. Begins to remember what the server does, so this must be called
    /// in the runtime.
    pub(in crate::http) fn new(operations: Operations, tokens: &OperatorTokens, service: Arc<Service>) -> Self {
        let gauges = Arc::new(GaugeReader::new(service));
        let turns = |most| Arc::new(Semaphore::new(most));
        Self {
            operations,
            tokens: TokenHashes::new(tokens),
            history: History::begin(&gauges),
            gauges,
            page_turns: turns(MAX_PAGES_AT_A_TIME),
            work_turns: turns(MAX_WORKS_AT_A_TIME),
        }
    }

    /// Returns how many endpoints fail or are disabled; none while the store does not answer.
    async fn failing_webhooks(&self, is_store_up: bool) -> usize {
        if !is_store_up {
            return 0;
        }
        let operations = self.operations.clone();
        let failing = blocking_in_turn(&self.page_turns, move || Ok(webhooks::failing(&operations)?)).await;
        failing.unwrap_or_default()
    }

    /// Returns what an operator may do whose token has this SHA-256; `None` if there is no such token.
    pub(super) fn rights(&self, hash: &[u8; 32]) -> Option<OperatorRights> {
        self.tokens.rights(hash)
    }
}

/// What an operator asked for, and who asks.
struct Asked {
    operations: Operations,
    service: Arc<Service>,
    /// Whether the operator may change things.
    may_change: bool,
    query: Form,
    form: Form,
}

/// What a request is answered with.
enum Answer {
    Page(Box<Page>),
    /// Another page, which shows what was done.
    Elsewhere(String),
}

impl From<Page> for Answer {
    fn from(page: Page) -> Self {
        Self::Page(Box::new(page))
    }
}

impl Console {
    /// Answers a request of somebody who logged in as an operator.
    pub(super) async fn operator_page(
        &self,
        operators: &Operators,
        rights: OperatorRights,
        route: OperatorRoute,
        request: Request<Incoming>,
    ) -> Result<Reply, Problem> {
        let may_change = rights == OperatorRights::Full;
        if route.needs_full_rights() && !may_change {
            return Err(Problem::read_only_token());
        }
        let sender = Sender::of(request.extensions())?;
        let address = sender.client.map(|client| client.to_string());
        let operator = Operator::in_console(rights.caller(), address.as_deref(), Some(sender.request_id.as_str()));
        let (head, body) = request.into_parts();
        let query = Form::read(head.uri.query().unwrap_or_default().as_bytes())?;
        let form = if route.needs_full_rights() {
            let bodies = self.client.bodies().up_to(MAX_FORM_BYTES);
            Form::read(&self.receive(&bodies, &head, body).await?.take_bytes())?
        } else {
            Form::default()
        };
        let service = Arc::clone(self.client.service());
        let asked = Asked { operations: operators.operations.by(operator), service, may_change, query, form };
        let answer = match route {
            OperatorRoute::Overview => {
                let gauges = operators.gauges.read().await;
                let failing = operators.failing_webhooks(gauges.is_store_up).await;
                overview::page(&operators.history, &gauges, self.client.service(), failing).into()
            }
            route => {
                let turns = if route.needs_full_rights() { &operators.work_turns } else { &operators.page_turns };
                blocking_in_turn(turns, move || answer(&route, &asked)).await?
            }
        };
        Ok(match answer {
            Answer::Page(page) => page.reply(&Visitor::Operator(rights)),
            Answer::Elsewhere(path) => see_other(&path),
        })
    }
}

/// Says why a page has no buttons.
fn looks_only() -> Markup {
    html! { p.quiet { "You are logged in with the token that only reads, so you can change nothing here." } }
}

/// Answers a request; blocks.
fn answer(route: &OperatorRoute, asked: &Asked) -> Result<Answer, Problem> {
    match route {
        // The caller has what its page needs.
        OperatorRoute::Overview => Ok(Answer::Elsewhere(OVERVIEW.to_owned())),
        OperatorRoute::Jobs => jobs::page(asked),
        OperatorRoute::Job(id) => job::page(asked, *id).map(Answer::from),
        OperatorRoute::JobLog(id) => job::log_page(asked, *id).map(Answer::from),
        OperatorRoute::AskToCancelJob(id) => job::cancel_page(asked, *id).map(Answer::from),
        OperatorRoute::CancelJob(id) => job::cancel(asked, *id),
        OperatorRoute::Tenants => tenants::page(asked).map(Answer::from),
        OperatorRoute::Tenant(name) => tenant::page(asked, name, &tenant::Said::of(&asked.query)).map(Answer::from),
        OperatorRoute::SetProfile(name) => settings::set_profile(asked, name),
        OperatorRoute::SetLimits(name) => settings::set_limits(asked, name),
        OperatorRoute::SetComponents(name) => settings::set_components(asked, name),
        OperatorRoute::RollBack(name) => settings::roll_back(asked, name),
        OperatorRoute::Components => components::page(asked).map(Answer::from),
        OperatorRoute::Component(digest) => component::page(asked, digest).map(Answer::from),
        OperatorRoute::Assign(digest) => component::propose(asked, digest),
        OperatorRoute::CheckComponent(digest) => component::check(asked, digest).map(Answer::from),
        OperatorRoute::Webhooks => webhooks::list(asked).map(Answer::from),
        OperatorRoute::Webhook(owner, id) => webhooks::page(asked, owner, *id).map(Answer::from),
        OperatorRoute::SwitchWebhook(owner, id) => webhooks::switch(asked, owner, *id),
        OperatorRoute::ReplayWebhook(owner, id) => webhooks::replay(asked, owner, *id),
        OperatorRoute::Audit => audit::page(asked).map(Answer::from),
        OperatorRoute::Servers => servers::page(asked).map(Answer::from),
    }
}
