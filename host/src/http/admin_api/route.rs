//! Which of the operators' calls a request is for.

use hyper::Method;
use uuid::Uuid;

use crate::domain::{GroupId, JobId};
use crate::http::api_description::DESCRIPTION_PATH;
use crate::http::path::decoded_path;
use crate::http::problem::Problem;
use crate::http::webhooks::WebhookCall;
use crate::operations::OperationError;

/// The path of the metrics.
const METRICS_PATH: &str = "/metrics";

/// An endpoint. Components are named by name or digest, tenants by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum AdminRoute {
    /// `GET /admin/components`.
    ListComponents,
    /// `POST /admin/components`.
    AddComponent,
    /// `GET /admin/components/{component}`.
    ShowComponent(String),
    /// `DELETE /admin/components/{component}`.
    RemoveComponent(String),
    /// `GET /admin/tenants`.
    ListTenants,
    /// `POST /admin/tenants`.
    AddTenant,
    /// `GET /admin/tenants/{tenant}`.
    ShowTenant(String),
    /// `PATCH /admin/tenants/{tenant}`.
    ChangeTenant(String),
    /// `DELETE /admin/tenants/{tenant}`.
    RemoveTenant(String),
    /// `POST /admin/tenants/{tenant}/rollback`.
    RollBackTenant(String),
    /// `POST /admin/tenants/{tenant}/secrets`.
    AddSecret(String),
    /// `GET /admin/tenants/{tenant}/secrets`.
    ListSecrets(String),
    /// `DELETE /admin/tenants/{tenant}/secrets/{secret}`.
    RevokeSecret(String, String),
    /// `DELETE /admin/tenants/{tenant}/tokens`.
    RevokeTokens(String),
    /// `POST /admin/tokens/revoke`.
    RevokeToken,
    /// `GET /admin/limits`.
    ListLimits,
    /// `GET /admin/tenants/{tenant}/jobs`.
    ListJobs(String),
    /// `GET /admin/jobs`.
    ListAllJobs,
    /// `POST /admin/jobs/{id}/cancel`.
    CancelJob(JobId),
    /// `GET /admin/jobs/{id}`.
    ShowJob(JobId),
    /// `DELETE /admin/jobs/{id}`.
    DeleteJob(JobId),
    /// `GET /admin/jobs/{id}/log`.
    ReadJobLog(JobId),
    /// `/admin/webhooks`, and what is below it: the operators' endpoints.
    Webhook(WebhookCall),
    /// `GET /admin/tenants/{tenant}/webhooks`.
    ListTenantWebhooks(String),
    /// `PATCH /admin/tenants/{tenant}/webhooks/{id}`.
    SwitchTenantWebhook(String, Uuid),
    /// `GET /admin/audit`.
    ListAudit,
    /// `GET /openapi.json`, which needs no credentials.
    Description,
    /// `GET /metrics`, which needs no credentials.
    Metrics,
}

impl AdminRoute {
    /// Finds the call that a method and a path name. Each part of the path may be in percent-encoding.
    ///
    /// # Errors
    /// 404 if the path is unknown, its encoding is wrong or it has no job's id where one must be, 405 if the path has no such method.
    pub(in crate::http) fn find(method: &Method, path: &str) -> Result<Self, Problem> {
        let unknown = || Problem::unknown_path(path);
        // Nothing has a name with NUL, and PostgreSQL takes none.
        let decoded = decoded_path(path).filter(|decoded| !decoded.contains('\0')).ok_or_else(unknown)?;
        if decoded == DESCRIPTION_PATH {
            let found = (*method == Method::GET).then_some(Self::Description);
            return found.ok_or_else(|| Problem::wrong_method(method.as_str(), "GET"));
        }
        if decoded == METRICS_PATH {
            let found = (*method == Method::GET).then_some(Self::Metrics);
            return found.ok_or_else(|| Problem::wrong_method(method.as_str(), "GET"));
        }
        if let Some(rest) = decoded.strip_prefix("/admin/webhooks") {
            return WebhookCall::find(method, rest).unwrap_or_else(|| Err(unknown())).map(Self::Webhook);
        }
        let parts: Vec<&str> = decoded.strip_prefix("/admin/").ok_or_else(unknown)?.split('/').collect();
        let wrong_method = |allowed| Err(Problem::wrong_method(method.as_str(), allowed));
        match (parts.as_slice(), method) {
            (["components"], &Method::GET) => Ok(Self::ListComponents),
            (["components"], &Method::POST) => Ok(Self::AddComponent),
            (["components"], _) => wrong_method("GET, POST"),
            (["components", reference], &Method::GET) => Ok(Self::ShowComponent(String::from(*reference))),
            (["components", reference], &Method::DELETE) => Ok(Self::RemoveComponent(String::from(*reference))),
            (["components", _], _) => wrong_method("GET, DELETE"),
            (["tenants"], &Method::GET) => Ok(Self::ListTenants),
            (["tenants"], &Method::POST) => Ok(Self::AddTenant),
            (["tenants"], _) => wrong_method("GET, POST"),
            (["tenants", name], &Method::GET) => Ok(Self::ShowTenant(String::from(*name))),
            (["tenants", name], &Method::PATCH) => Ok(Self::ChangeTenant(String::from(*name))),
            (["tenants", name], &Method::DELETE) => Ok(Self::RemoveTenant(String::from(*name))),
            (["tenants", _], _) => wrong_method("GET, PATCH, DELETE"),
            (["tenants", name, "rollback"], &Method::POST) => Ok(Self::RollBackTenant(String::from(*name))),
            (["tenants", _, "rollback"], _) => wrong_method("POST"),
            (["tenants", name, "secrets"], &Method::POST) => Ok(Self::AddSecret(String::from(*name))),
            (["tenants", name, "secrets"], &Method::GET) => Ok(Self::ListSecrets(String::from(*name))),
            (["tenants", _, "secrets"], _) => wrong_method("GET, POST"),
            (["tenants", name, "secrets", id], &Method::DELETE) => {
                Ok(Self::RevokeSecret(String::from(*name), String::from(*id)))
            }
            (["tenants", _, "secrets", _], _) => wrong_method("DELETE"),
            (["tenants", name, "tokens"], &Method::DELETE) => Ok(Self::RevokeTokens(String::from(*name))),
            (["tenants", _, "tokens"], _) => wrong_method("DELETE"),
            (["tokens", "revoke"], &Method::POST) => Ok(Self::RevokeToken),
            (["tokens", "revoke"], _) => wrong_method("POST"),
            (["limits"], &Method::GET) => Ok(Self::ListLimits),
            (["limits"], _) => wrong_method("GET"),
            (["tenants", name, "jobs"], &Method::GET) => Ok(Self::ListJobs(String::from(*name))),
            (["tenants", _, "jobs"], _) => wrong_method("GET"),
            (["tenants", name, "webhooks"], &Method::GET) => Ok(Self::ListTenantWebhooks(String::from(*name))),
            (["tenants", _, "webhooks"], _) => wrong_method("GET"),
            (["tenants", name, "webhooks", id], &Method::PATCH) => match GroupId::parse(id) {
                Some(GroupId(id)) => Ok(Self::SwitchTenantWebhook(String::from(*name), id)),
                None => Err(Problem::unknown_webhook()),
            },
            (["tenants", _, "webhooks", _], _) => wrong_method("PATCH"),
            (["audit"], &Method::GET) => Ok(Self::ListAudit),
            (["audit"], _) => wrong_method("GET"),
            (["jobs"], &Method::GET) => Ok(Self::ListAllJobs),
            (["jobs"], _) => wrong_method("GET"),
            (["jobs", id, "cancel"], &Method::POST) => job_id(id).map(Self::CancelJob),
            (["jobs", _, "cancel"], _) => wrong_method("POST"),
            (["jobs", id], &Method::GET) => job_id(id).map(Self::ShowJob),
            (["jobs", id], &Method::DELETE) => job_id(id).map(Self::DeleteJob),
            (["jobs", _], _) => wrong_method("GET, DELETE"),
            (["jobs", id, "log"], &Method::GET) => job_id(id).map(Self::ReadJobLog),
            (["jobs", _, "log"], _) => wrong_method("GET"),
            _ => Err(unknown()),
        }
    }

    /// Returns the names of the parameters that the call has.
    pub(in crate::http) fn parameters(&self) -> &'static [&'static str] {
        match self {
            Self::AddComponent => &["name", "moveName"],
            Self::ChangeTenant(_) => &["dryRun"],
            Self::RevokeSecret(..) => &["force"],
            Self::ListJobs(_) => &["unfinished", "limit"],
            Self::ListAllJobs => &["status", "operation", "createdAfter", "createdBefore", "limit", "after"],
            Self::ListAudit => &["tenant", "before", "limit"],
            _ => &[],
        }
    }

    /// Returns whether the call changes something, or tries to.
    pub(super) fn changes_something(&self) -> bool {
        match self {
            Self::ListComponents
            | Self::ShowComponent(_)
            | Self::ListTenants
            | Self::ShowTenant(_)
            | Self::ListSecrets(_)
            | Self::ListLimits
            | Self::ListJobs(_)
            | Self::ListAllJobs
            | Self::ShowJob(_)
            | Self::ReadJobLog(_)
            | Self::ListTenantWebhooks(_)
            | Self::ListAudit
            | Self::Description
            | Self::Metrics => false,
            Self::AddComponent
            | Self::RemoveComponent(_)
            | Self::AddTenant
            | Self::ChangeTenant(_)
            | Self::RemoveTenant(_)
            | Self::RollBackTenant(_)
            | Self::AddSecret(_)
            | Self::RevokeSecret(..)
            | Self::RevokeTokens(_)
            | Self::RevokeToken
            | Self::CancelJob(_)
            | Self::DeleteJob(_)
            | Self::SwitchTenantWebhook(..) => true,
            Self::Webhook(call) => call.changes_something(),
        }
    }
}

fn job_id(text: &str) -> Result<JobId, Problem> {
    JobId::parse(text).ok_or_else(|| Problem::from(OperationError::UnknownJob))
}

#[cfg(test)]
mod tests {
    use hyper::Method;
    use uuid::Uuid;

    use super::AdminRoute;
    use crate::domain::JobId;
    use crate::http::webhooks::WebhookCall;

    #[test]
    fn a_method_and_a_path_name_a_call() {
        let id = JobId::random();
        let (job, log) = (format!("/admin/jobs/{id}"), format!("/admin/jobs/{id}/log"));
        let cancel = format!("{job}/cancel");
        let acme = || String::from("acme");
        let webhook = format!("/admin/webhooks/{}", Uuid::nil());
        let tenants = format!("/admin/tenants/acme/webhooks/{}", Uuid::nil());
        for (method, path, route) in [
            (Method::GET, "/admin/components", AdminRoute::ListComponents),
            (Method::POST, "/admin/components", AdminRoute::AddComponent),
            (Method::GET, "/admin/components/acme", AdminRoute::ShowComponent(acme())),
            (Method::GET, "/admin/components/sha256%3Aab", AdminRoute::ShowComponent(String::from("sha256:ab"))),
            (Method::DELETE, "/admin/components/acme", AdminRoute::RemoveComponent(acme())),
            (Method::GET, "/admin/tenants", AdminRoute::ListTenants),
            (Method::POST, "/admin/tenants", AdminRoute::AddTenant),
            (Method::GET, "/admin/tenants/acme", AdminRoute::ShowTenant(acme())),
            (Method::PATCH, "/admin/tenants/acme", AdminRoute::ChangeTenant(acme())),
            (Method::DELETE, "/admin/tenants/acme", AdminRoute::RemoveTenant(acme())),
            (Method::POST, "/admin/tenants/acme/rollback", AdminRoute::RollBackTenant(acme())),
            (Method::POST, "/admin/tenants/acme/secrets", AdminRoute::AddSecret(acme())),
            (Method::GET, "/admin/tenants/acme/secrets", AdminRoute::ListSecrets(acme())),
            (Method::DELETE, "/admin/tenants/acme/secrets/1f", AdminRoute::RevokeSecret(acme(), String::from("1f"))),
            (Method::DELETE, "/admin/tenants/acme/tokens", AdminRoute::RevokeTokens(acme())),
            (Method::POST, "/admin/tokens/revoke", AdminRoute::RevokeToken),
            (Method::GET, "/admin/limits", AdminRoute::ListLimits),
            (Method::GET, "/admin/tenants/acme/jobs", AdminRoute::ListJobs(acme())),
            (Method::GET, "/admin/jobs", AdminRoute::ListAllJobs),
            (Method::POST, cancel.as_str(), AdminRoute::CancelJob(id)),
            (Method::GET, job.as_str(), AdminRoute::ShowJob(id)),
            (Method::DELETE, job.as_str(), AdminRoute::DeleteJob(id)),
            (Method::GET, log.as_str(), AdminRoute::ReadJobLog(id)),
            (Method::GET, "/admin/webhooks", AdminRoute::Webhook(WebhookCall::List)),
            (Method::POST, "/admin/webhooks", AdminRoute::Webhook(WebhookCall::Add)),
            (Method::PATCH, webhook.as_str(), AdminRoute::Webhook(WebhookCall::Change(Uuid::nil()))),
            (Method::GET, "/admin/tenants/acme/webhooks", AdminRoute::ListTenantWebhooks(acme())),
            (Method::PATCH, tenants.as_str(), AdminRoute::SwitchTenantWebhook(acme(), Uuid::nil())),
            (Method::GET, "/admin/audit", AdminRoute::ListAudit),
            (Method::GET, "/openapi.json", AdminRoute::Description),
        ] {
            assert_eq!(AdminRoute::find(&method, path).unwrap(), route, "{method} {path}");
        }
    }

    #[test]
    fn unknown_paths_return_404_and_wrong_methods_405() {
        for (method, path, status) in [
            (Method::GET, "/", 404),
            (Method::GET, "/admin", 404),
            (Method::GET, "/admin/", 404),
            (Method::GET, "/admin/tenants/acme/x", 404),
            (Method::GET, "/admin/jobs/x/log", 404),
            (Method::GET, "/admin/jobs/x", 404),
            (Method::DELETE, "/admin/jobs/x", 404),
            (Method::POST, "/admin/jobs", 405),
            (Method::GET, "/admin/jobs/x/cancel", 405),
            (Method::POST, "/admin/jobs/x/cancel", 404),
            (Method::GET, "/admin/tenants/a%2Fb", 404),
            (Method::GET, "/admin/tenants/%FF", 404),
            (Method::GET, "/admin/tenants/a%00b", 404),
            (Method::PATCH, "/admin/jobs/x", 405),
            (Method::POST, "/admin/tenants/acme/jobs", 405),
            (Method::POST, "/admin/limits", 405),
            (Method::POST, "/admin/jobs/x/log", 405),
            (Method::PUT, "/admin/components", 405),
            (Method::PATCH, "/admin/components/x", 405),
            (Method::DELETE, "/admin/tenants", 405),
            (Method::PUT, "/admin/tenants/acme", 405),
            (Method::GET, "/admin/tenants/acme/rollback", 405),
            (Method::DELETE, "/admin/tenants/acme/secrets", 405),
            (Method::GET, "/admin/tenants/acme/secrets/1f", 405),
            (Method::GET, "/admin/tenants/acme/tokens", 405),
            (Method::GET, "/admin/tokens/revoke", 405),
            (Method::POST, "/admin/tokens", 404),
            (Method::GET, "/admin/webhooksx", 404),
            (Method::PUT, "/admin/webhooks", 405),
            (Method::GET, "/admin/webhooks/x", 404),
            (Method::PATCH, "/admin/tenants/acme/webhooks/x", 404),
            (Method::POST, "/admin/tenants/acme/webhooks", 405),
            (Method::DELETE, "/admin/tenants/acme/webhooks/x", 405),
            (Method::DELETE, "/admin/audit", 405),
            (Method::GET, "/admin/audit/1", 404),
            (Method::PUT, "/openapi.json", 405),
        ] {
            let reply = AdminRoute::find(&method, path).unwrap_err().into_reply();
            assert_eq!(reply.status().as_u16(), status, "{method} {path}");
            assert_eq!(reply.headers().contains_key("allow"), status == 405, "{method} {path}");
        }
    }
}
