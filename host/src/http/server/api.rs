//! What a listener serves: the API for clients or for operators, or health checks alone.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request};

use crate::http::admin_api::{AdminApi, OperatorTokens};
use crate::http::body::BodySettings;
use crate::http::client_api::{BegunRequest, ClientApi};
use crate::http::console::{Console, ConsoleRoute, Operators};
use crate::http::health::{Audience, LIVE_PATH, READY_PATH};
use crate::http::known_method::known_method;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route_template;
use crate::http::trace_context::{trace_parent, trace_state};
use crate::jobs::Service;
use crate::operations::Operations;
use crate::traces::RequestTrace;

/// What a listener serves.
pub struct Api(Handler);

enum Handler {
    Client(Arc<ClientApi>),
    Admin(Box<AdminApi>),
    Health,
    Console(Box<Console>),
}

impl Api {
    /// Creates the API for tenants' clients, and the console beside it, which has `console_connections` connections and shares the
    /// other limits. With `operators`, operators who have one of the tokens can log in to the console, too. Must be called in the
    /// runtime.
    pub fn client_and_console(
        service: Arc<Service>,
        bodies: BodySettings,
        answer_memory_bytes: usize,
        max_requests: usize,
        console_connections: usize,
        operators: Option<(Operations, OperatorTokens)>,
    ) -> (Self, Self) {
        let operators = operators.map(|(operations, tokens)| Operators::new(operations, &tokens, Arc::clone(&service)));
        let client = Arc::new(ClientApi::new(service, bodies, answer_memory_bytes, max_requests));
        let console = Console::new(Arc::clone(&client), operators, console_connections);
        (Self(Handler::Client(client)), Self(Handler::Console(Box::new(console))))
    }

    /// Creates the API for operators, who authenticate with `tokens`. It also tells the metrics of `service`, to everybody.
    pub fn admin(operations: Operations, tokens: &OperatorTokens, bodies: BodySettings, service: Arc<Service>) -> Self {
        Self(Handler::Admin(Box::new(AdminApi::new(operations, tokens, bodies, service))))
    }

    /// Creates the API of a listener that answers health checks alone.
    pub fn health() -> Self {
        Self(Handler::Health)
    }

    /// Does a request's work, up to a wait.
    pub(super) async fn begin(&self, request: Request<Incoming>) -> BegunAnswer {
        match &self.0 {
            Handler::Client(api) => BegunAnswer::Client(Box::new(api.begin(request).await)),
            Handler::Admin(api) => api.answer(request).await.into(),
            Handler::Health => Problem::unknown_path(request.uri().path()).into(),
            Handler::Console(console) => BegunAnswer::Ready(Box::new(console.answer(request).await)),
        }
    }

    /// Waits for the answer to a request.
    pub(super) async fn finish(&self, begun: BegunAnswer) -> Reply {
        match (begun, &self.0) {
            (BegunAnswer::Ready(reply), _) => *reply,
            (BegunAnswer::Client(begun), Handler::Client(api)) => api.finish(*begun).await,
            (BegunAnswer::Client(_), _) => Problem::panicked(&"another API began the request").into_reply(),
        }
    }

    /// Returns the name of the listener.
    pub(super) fn name(&self) -> &'static str {
        match self.0 {
            Handler::Client(_) => "public",
            Handler::Admin(_) => "admin",
            Handler::Health => "health",
            Handler::Console(_) => "console",
        }
    }

    /// Returns the template of a request's path.
    pub(super) fn template(&self, method: &Method, path: &str) -> &'static str {
        match (path, &self.0) {
            (LIVE_PATH, _) => LIVE_PATH,
            (READY_PATH, _) => READY_PATH,
            (_, Handler::Client(_)) => route_template::of_client(method, path),
            (_, Handler::Admin(_)) => route_template::of_operators(method, path),
            (_, Handler::Health) => route_template::UNKNOWN,
            (_, Handler::Console(_)) => {
                ConsoleRoute::find(method, path).map_or(route_template::UNKNOWN, |route| route.template())
            }
        }
    }

    /// Begins the trace of a request. Health checks at a listener of their own have no spans.
    pub(super) fn trace(&self, method: &Method, headers: &HeaderMap) -> RequestTrace {
        let parent = trace_parent(headers);
        match self.0 {
            Handler::Client(_) | Handler::Admin(_) | Handler::Console(_) => {
                RequestTrace::begin(known_method(method), parent, || trace_state(headers))
            }
            Handler::Health => RequestTrace::without_span(parent),
        }
    }

    /// Returns who reads its health checks.
    pub(super) fn audience(&self) -> Audience {
        match self.0 {
            Handler::Client(_) | Handler::Health | Handler::Console(_) => Audience::Strangers,
            Handler::Admin(_) => Audience::Operators,
        }
    }
}

/// An answer, or a request that may have to wait for its answer.
pub(super) enum BegunAnswer {
    Ready(Box<Reply>),
    Client(Box<BegunRequest>),
}

impl From<Problem> for BegunAnswer {
    fn from(problem: Problem) -> Self {
        Self::Ready(Box::new(problem.into_reply()))
    }
}

impl From<Result<Reply, Problem>> for BegunAnswer {
    fn from(answer: Result<Reply, Problem>) -> Self {
        Self::Ready(Box::new(answer.unwrap_or_else(Problem::into_reply)))
    }
}
