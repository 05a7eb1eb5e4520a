//! Which of the operators' pages a request is for.

use hyper::Method;
use uuid::Uuid;

use crate::domain::JobId;

/// A page for operators, or what a page sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum OperatorRoute {
    /// `GET /ops/overview`.
    Overview,
    /// `GET /ops/jobs`.
    Jobs,
    /// `GET /ops/jobs/{id}`.
    Job(JobId),
    /// `GET /ops/jobs/{id}/log`.
    JobLog(JobId),
    /// `GET /ops/jobs/{id}/cancel`.
    AskToCancelJob(JobId),
    /// `POST /ops/jobs/{id}/cancel`.
    CancelJob(JobId),
    /// `GET /ops/tenants`.
    Tenants,
    /// `GET /ops/tenants/{tenant}`.
    Tenant(String),
    /// `POST /ops/tenants/{tenant}/profile`.
    SetProfile(String),
    /// `POST /ops/tenants/{tenant}/limits`.
    SetLimits(String),
    /// `POST /ops/tenants/{tenant}/components`.
    SetComponents(String),
    /// `POST /ops/tenants/{tenant}/rollback`.
    RollBack(String),
    /// `GET /ops/components`.
    Components,
    /// `GET /ops/components/{component}`.
    Component(String),
    /// `GET /ops/components/{component}/assign`.
    Assign(String),
    /// `POST /ops/components/{component}/check`.
    CheckComponent(String),
    /// `GET /ops/webhooks`.
    Webhooks,
    /// `GET …/webhooks/{id}`.
    Webhook(EndpointOwner, Uuid),
    /// `POST …/webhooks/{id}/switch`.
    SwitchWebhook(EndpointOwner, Uuid),
    /// `POST …/webhooks/{id}/replay`.
    ReplayWebhook(EndpointOwner, Uuid),
    /// `GET /ops/audit`.
    Audit,
    /// `GET /ops/servers`.
    Servers,
}

/// Whose an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum EndpointOwner {
    Operators,
    Tenant(String),
}

impl OperatorRoute {
    /// Finds the page with a path behind `/ops`, and the methods that the path has. `None` if there is no such path; a page of
    /// `None` if the path has no such method.
    pub(in crate::http::console) fn find(method: &Method, parts: &[&str]) -> Option<(Option<Self>, &'static str)> {
        let get = |route: Self| ((*method == Method::GET).then_some(route), "GET");
        let post = |route: Self| ((*method == Method::POST).then_some(route), "POST");
        Some(match *parts {
            ["overview"] => get(Self::Overview),
            ["jobs"] => get(Self::Jobs),
            ["jobs", id] => get(Self::Job(JobId::parse(id)?)),
            ["jobs", id, "log"] => get(Self::JobLog(JobId::parse(id)?)),
            ["jobs", id, "cancel"] if *method == Method::POST => {
                (Some(Self::CancelJob(JobId::parse(id)?)), "GET, POST")
            }
            ["jobs", id, "cancel"] => (get(Self::AskToCancelJob(JobId::parse(id)?)).0, "GET, POST"),
            ["tenants"] => get(Self::Tenants),
            ["tenants", tenant] => get(Self::Tenant(tenant.to_owned())),
            ["tenants", tenant, "profile"] => post(Self::SetProfile(tenant.to_owned())),
            ["tenants", tenant, "limits"] => post(Self::SetLimits(tenant.to_owned())),
            ["tenants", tenant, "components"] => post(Self::SetComponents(tenant.to_owned())),
            ["tenants", tenant, "rollback"] => post(Self::RollBack(tenant.to_owned())),
            ["tenants", tenant, "webhooks", ref rest @ ..] => {
                Self::find_webhook(method, EndpointOwner::Tenant(tenant.to_owned()), rest)?
            }
            ["components"] => get(Self::Components),
            ["components", digest] => get(Self::Component(digest.to_owned())),
            ["components", digest, "assign"] => get(Self::Assign(digest.to_owned())),
            ["components", digest, "check"] => post(Self::CheckComponent(digest.to_owned())),
            ["webhooks"] => get(Self::Webhooks),
            ["webhooks", ref rest @ ..] => Self::find_webhook(method, EndpointOwner::Operators, rest)?,
            ["audit"] => get(Self::Audit),
            ["servers"] => get(Self::Servers),
            _ => return None,
        })
    }

    fn find_webhook(method: &Method, owner: EndpointOwner, parts: &[&str]) -> Option<(Option<Self>, &'static str)> {
        let [id, rest @ ..] = parts else { return None };
        let id = JobId::parse(id)?.0;
        let (route, allowed) = match rest {
            [] => (Self::Webhook(owner, id), "GET"),
            ["switch"] => (Self::SwitchWebhook(owner, id), "POST"),
            ["replay"] => (Self::ReplayWebhook(owner, id), "POST"),
            _ => return None,
        };
        Some(((method.as_str() == allowed).then_some(route), allowed))
    }

    /// Returns whether the request needs the token for everything: it changes something, or has a component tried.
    pub(in crate::http::console) fn needs_full_rights(&self) -> bool {
        match self {
            Self::Overview
            | Self::Jobs
            | Self::Job(_)
            | Self::JobLog(_)
            | Self::AskToCancelJob(_)
            | Self::Tenants
            | Self::Tenant(_)
            | Self::Components
            | Self::Component(_)
            | Self::Assign(_)
            | Self::Webhooks
            | Self::Webhook(..)
            | Self::Audit
            | Self::Servers => false,
            Self::CancelJob(_)
            | Self::SetProfile(_)
            | Self::SetLimits(_)
            | Self::SetComponents(_)
            | Self::RollBack(_)
            | Self::CheckComponent(_)
            | Self::SwitchWebhook(..)
            | Self::ReplayWebhook(..) => true,
        }
    }

    /// Returns the template of the path.
    pub(in crate::http::console) fn template(&self) -> &'static str {
        match self {
            Self::Overview => "/ops/overview",
            Self::Jobs => "/ops/jobs",
            Self::Job(_) => "/ops/jobs/{id}",
            Self::JobLog(_) => "/ops/jobs/{id}/log",
            Self::AskToCancelJob(_) | Self::CancelJob(_) => "/ops/jobs/{id}/cancel",
            Self::Tenants => "/ops/tenants",
            Self::Tenant(_) => "/ops/tenants/{tenant}",
            Self::SetProfile(_) => "/ops/tenants/{tenant}/profile",
            Self::SetLimits(_) => "/ops/tenants/{tenant}/limits",
            Self::SetComponents(_) => "/ops/tenants/{tenant}/components",
            Self::RollBack(_) => "/ops/tenants/{tenant}/rollback",
            Self::Components => "/ops/components",
            Self::Component(_) => "/ops/components/{component}",
            Self::Assign(_) => "/ops/components/{component}/assign",
            Self::CheckComponent(_) => "/ops/components/{component}/check",
            Self::Webhooks => "/ops/webhooks",
            Self::Webhook(EndpointOwner::Operators, _) => "/ops/webhooks/{id}",
            Self::SwitchWebhook(EndpointOwner::Operators, _) => "/ops/webhooks/{id}/switch",
            Self::ReplayWebhook(EndpointOwner::Operators, _) => "/ops/webhooks/{id}/replay",
            Self::Webhook(EndpointOwner::Tenant(_), _) => "/ops/tenants/{tenant}/webhooks/{id}",
            Self::SwitchWebhook(EndpointOwner::Tenant(_), _) => "/ops/tenants/{tenant}/webhooks/{id}/switch",
            Self::ReplayWebhook(EndpointOwner::Tenant(_), _) => "/ops/tenants/{tenant}/webhooks/{id}/replay",
            Self::Audit => "/ops/audit",
            Self::Servers => "/ops/servers",
        }
    }
}
