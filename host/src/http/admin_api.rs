//! What operators call, on a listener of its own: components and tenants, by the same code as the command line's.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::blocking::blocking;
use super::body::{Bodies, BodySettings};
use super::credentials::Credentials;
use super::problem::Problem;
use super::reply::{Reply, json};
use crate::domain::{Assignment, JobId};
use crate::operations::{AssignmentView, ComponentChoice, ComponentView, OperationError, Operations, TenantSettings};
use crate::sandbox::Refusal;
use crate::tenants::Secret;

/// The site for operators.
pub(super) struct AdminApi {
    operations: Arc<Operations>,
    token_hash: [u8; 32],
    bodies: Bodies,
}

impl AdminApi {
    /// A site for operators who know a token.
    pub(super) fn new(operations: Operations, token: &Secret, bodies: BodySettings) -> Self {
        Self { operations: Arc::new(operations), token_hash: token.hash(), bodies: Bodies::new(bodies) }
    }

    /// Answers a request.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Reply, Problem> {
        let credentials = Credentials::from_headers(request.headers())?;
        // Hashes are compared, so that the time it takes says nothing about the token.
        if credentials.secret().hash() != self.token_hash {
            return Err(credentials.refusal());
        }
        let (head, body) = request.into_parts();
        let operations = Arc::clone(&self.operations);
        let path = head.uri.path().to_owned();
        let unknown = || Problem::unknown_path(&path);
        let rest = path.strip_prefix("/admin/").ok_or_else(unknown)?;
        let parts: Vec<&str> = rest.split('/').collect();
        match parts.as_slice() {
            ["components"] if head.method == Method::GET => blocking(move || list(&operations)).await,
            ["components"] if head.method == Method::POST => {
                let name = query(&head, "name");
                let received = self.bodies.receive_bytes(&head.headers, body).await;
                let mut received = received.map_err(|problem| self.size_refused(problem))?;
                let added = blocking(move || add(&operations, &received.take_bytes()?, name.as_deref())).await;
                added.map_err(|problem| self.size_refused(problem))
            }
            ["components"] => Err(Problem::wrong_method(head.method.as_str(), "GET, POST")),
            ["components", reference] => {
                let reference = (*reference).to_owned();
                match head.method {
                    Method::GET => blocking(move || show(&operations, &reference)).await,
                    Method::DELETE => blocking(move || remove(&operations, &reference)).await,
                    _ => Err(Problem::wrong_method(head.method.as_str(), "GET, DELETE")),
                }
            }
            ["tenants", name] if head.method == Method::PATCH => {
                let name = (*name).to_owned();
                let mut received = self.bodies.receive(&head.headers, body).await?;
                blocking(move || set(&operations, &name, &received.take_item()?)).await
            }
            ["tenants", _] => Err(Problem::wrong_method(head.method.as_str(), "PATCH")),
            ["tenants", name, "rollback"] if head.method == Method::POST => {
                let name = (*name).to_owned();
                blocking(move || assigned(&name, operations.roll_back_tenant(&name)?)).await
            }
            ["tenants", _, "rollback"] => Err(Problem::wrong_method(head.method.as_str(), "POST")),
            ["jobs", id, "log"] if head.method == Method::GET => {
                let id = JobId::parse(id).ok_or_else(Problem::unknown_job)?;
                blocking(move || Ok(json(StatusCode::OK, &Log { log: operations.job_log(id)? }))).await
            }
            ["jobs", _, "log"] => Err(Problem::wrong_method(head.method.as_str(), "GET")),
            _ => Err(unknown()),
        }
    }
}

impl AdminApi {
    /// A component cannot be sent in parts; its size is the first thing that it is refused for.
    fn size_refused(&self, problem: Problem) -> Problem {
        if problem.is_too_large() {
            OperationError::from(Refusal::too_large(self.bodies.max_bytes())).into()
        } else {
            problem
        }
    }
}

fn query(head: &Parts, wanted: &str) -> Option<String> {
    let query = head.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
}

#[derive(Serialize)]
struct Components {
    components: Vec<ComponentView>,
}

#[derive(Serialize)]
struct Log {
    log: String,
}

fn list(operations: &Operations) -> Result<Reply, Problem> {
    let components = operations.components()?.into_iter().map(ComponentView::from).collect();
    Ok(json(StatusCode::OK, &Components { components }))
}

fn add(operations: &Operations, bytes: &[u8], name: Option<&str>) -> Result<Reply, Problem> {
    let added = operations.add_component(bytes, name)?;
    let status = if added.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json(status, &ComponentView::from(added.record)))
}

fn show(operations: &Operations, reference: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &ComponentView::from(operations.component(reference)?)))
}

fn remove(operations: &Operations, reference: &str) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &ComponentView::from(operations.remove_component(reference)?)))
}

/// A change as it is sent; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    processor: Option<String>,
    validator: Option<String>,
    profile: Option<Box<RawValue>>,
    limits: Option<Box<RawValue>>,
}

fn set(operations: &Operations, name: &str, body: &str) -> Result<Reply, Problem> {
    let change: Change = serde_json::from_str(body).map_err(|error| {
        Problem::bad_request(format!(
            "The change cannot be read: {error}. Send any of 'validator' (a component or \"none\"), 'processor' (a component or \"default\"), 'profile' and 'limits'."
        ))
    })?;
    let settings = TenantSettings {
        profile: change.profile.map(|profile| profile.get().to_owned()),
        limits: change.limits.map(|limits| limits.get().to_owned()),
        processor: change.processor.map(ComponentChoice::processor),
        validator: change.validator.map(ComponentChoice::validator),
    };
    assigned(name, operations.set_tenant(name, &settings)?)
}

fn assigned(name: &str, assignment: Assignment) -> Result<Reply, Problem> {
    Ok(json(StatusCode::OK, &AssignmentView::new(name, assignment)))
}
