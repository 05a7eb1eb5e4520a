//! The templates of paths, by which metrics count requests: none has a part that a client can choose.

use hyper::Method;

use super::admin_api::AdminRoute;
use super::route::{FieldsForm, ProfileList, PublicText, Route};
use super::webhooks::WebhookCall;
use crate::domain::Operation;

/// Requests whose path is unknown, or whose path has no such method.
pub(super) const UNKNOWN: &str = "unknown";

/// Returns the template of a path of the clients' API.
pub(super) fn of_client(method: &Method, path: &str) -> &'static str {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    match Route::find(method, path) {
        Err(_) => UNKNOWN,
        Ok(Route::Webhook(call)) => of_webhook(call).0,
        Ok(route) => match route {
            Route::Bulk(Operation::Create) => "/api/contacts/bulk/new",
            Route::Bulk(_) => "/api/contacts/bulk/edit",
            Route::ImportCsv => "/api/contacts/importCsv",
            Route::Batch(Operation::Create) => "/api/contacts/batch/new",
            Route::Batch(_) => "/api/contacts/batch/edit",
            Route::Single(_, None) => "/api/contacts/new",
            Route::Single(_, Some(_)) => "/api/contacts/{id}/edit",
            Route::ReadJob(_) | Route::DeleteJob(_) => "/api/contacts/job/{id}",
            Route::CancelJob(_) => "/api/contacts/job/{id}/cancel",
            Route::ApplyJob(_) => "/api/contacts/job/{id}/apply",
            Route::CheckUndo(_) | Route::UndoJob(_) => "/api/contacts/job/{id}/undo",
            Route::JobEvents(_) => "/api/contacts/job/{id}/events",
            Route::ListJobs => "/api/contacts/jobs",
            Route::ReadGroup(_) => "/api/contacts/group/{id}",
            Route::ListContacts => "/api/contacts",
            Route::ReadContact(_) => "/api/contacts/{id}",
            Route::DeleteContact(_) => "/api/contacts/{id}/delete",
            Route::DeleteBatch => "/api/contacts/batch/delete",
            Route::DoNotContact(..) => "/api/contacts/{id}/dnc/{channel}",
            Route::Fields(FieldsForm::Pages) => "/api/fields/contact",
            Route::Fields(FieldsForm::Names) => "/api/contacts/list/fields",
            Route::Limits => "/api/limits",
            Route::Profile(ProfileList::Owners) => "/api/contacts/list/owners",
            Route::Profile(ProfileList::Stages) => "/api/stages",
            Route::Profile(ProfileList::Companies) => "/api/companies",
            Route::Profile(ProfileList::Caller) => "/api/users/self",
            Route::Public(PublicText::Description) => "/openapi.json",
            Route::Public(PublicText::Page) => "/docs",
            Route::Webhook(_) => UNKNOWN,
        },
    }
}

/// Returns the template of a path of the operators' API.
pub(super) fn of_operators(method: &Method, path: &str) -> &'static str {
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    match AdminRoute::find(method, path) {
        Err(_) => UNKNOWN,
        Ok(route) => match route {
            AdminRoute::ListComponents | AdminRoute::AddComponent => "/admin/components",
            AdminRoute::ShowComponent(_) | AdminRoute::RemoveComponent(_) => "/admin/components/{component}",
            AdminRoute::ListTenants | AdminRoute::AddTenant => "/admin/tenants",
            AdminRoute::ShowTenant(_) | AdminRoute::ChangeTenant(_) | AdminRoute::RemoveTenant(_) => {
                "/admin/tenants/{tenant}"
            }
            AdminRoute::RollBackTenant(_) => "/admin/tenants/{tenant}/rollback",
            AdminRoute::AddSecret(_) | AdminRoute::ListSecrets(_) => "/admin/tenants/{tenant}/secrets",
            AdminRoute::RevokeSecret(..) => "/admin/tenants/{tenant}/secrets/{secret}",
            AdminRoute::RevokeTokens(_) => "/admin/tenants/{tenant}/tokens",
            AdminRoute::RevokeToken => "/admin/tokens/revoke",
            AdminRoute::ListLimits => "/admin/limits",
            AdminRoute::ListJobs(_) => "/admin/tenants/{tenant}/jobs",
            AdminRoute::ListAllJobs => "/admin/jobs",
            AdminRoute::CancelJob(_) => "/admin/jobs/{id}/cancel",
            AdminRoute::ShowJob(_) | AdminRoute::DeleteJob(_) => "/admin/jobs/{id}",
            AdminRoute::ReadJobLog(_) => "/admin/jobs/{id}/log",
            AdminRoute::Webhook(call) => of_webhook(call).1,
            AdminRoute::ListTenantWebhooks(_) => "/admin/tenants/{tenant}/webhooks",
            AdminRoute::SwitchTenantWebhook(..) => "/admin/tenants/{tenant}/webhooks/{id}",
            AdminRoute::Description => "/openapi.json",
            AdminRoute::ListAudit => "/admin/audit",
            AdminRoute::Metrics => "/metrics",
        },
    }
}

/// Returns the templates of a call about endpoints, of clients and of operators.
fn of_webhook(call: WebhookCall) -> (&'static str, &'static str) {
    match call {
        WebhookCall::List | WebhookCall::Add => ("/api/webhooks", "/admin/webhooks"),
        WebhookCall::Read(_) | WebhookCall::Change(_) | WebhookCall::Remove(_) => {
            ("/api/webhooks/{id}", "/admin/webhooks/{id}")
        }
        WebhookCall::ReplaceSecret(_) => ("/api/webhooks/{id}/secret", "/admin/webhooks/{id}/secret"),
        WebhookCall::Test(_) => ("/api/webhooks/{id}/test", "/admin/webhooks/{id}/test"),
        WebhookCall::ListMessages(_) => ("/api/webhooks/{id}/messages", "/admin/webhooks/{id}/messages"),
        WebhookCall::Replay(_) => ("/api/webhooks/{id}/replay", "/admin/webhooks/{id}/replay"),
        WebhookCall::ReplayOne(..) => {
            ("/api/webhooks/{id}/messages/{message}/replay", "/admin/webhooks/{id}/messages/{message}/replay")
        }
    }
}
