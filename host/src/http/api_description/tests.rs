//! The descriptions and the routes agree, in both directions.

use std::collections::{BTreeMap, BTreeSet};

use hyper::header::{HeaderMap, HeaderValue, IF_NONE_MATCH};
use hyper::{Method, StatusCode};
use serde_json::Value;

use super::{ADMIN_DESCRIPTION, CLIENT_DESCRIPTION, DESCRIPTION_PATH};
use crate::domain::Operation;
use crate::http::admin_api::AdminRoute;
use crate::http::api_page::PAGE_PATH;
use crate::http::client_api::TOKEN_PATH;
use crate::http::health::{LIVE_PATH, READY_PATH};
use crate::http::problem::Problem;
use crate::http::published::{Kept, Published};
use crate::http::route::{ChannelChange, FieldsForm, ProfileList, PublicText, Route};
use crate::http::webhooks::WebhookCall;
use crate::tenants::TenantLimits;

/// Defines the operation of each route. A route without an operation does not compile, and an operation that no path of the
/// description leads to is missed by the test.
macro_rules! operations {
    ($name:ident, $ids:ident, $route:ty, $($pattern:pat => $id:literal,)*) => {
        fn $name(route: &$route) -> &'static str {
            match route { $($pattern => $id,)* }
        }

        const $ids: &[&str] = &[$($id),*];
    };
}

operations! {
    client_operation, CLIENT_OPERATIONS, Route,
    Route::Bulk(Operation::Create) => "createContacts",
    Route::Bulk(Operation::Replace) => "replaceContacts",
    Route::Bulk(Operation::Update) => "updateContacts",
    Route::Batch(Operation::Create) => "createBatch",
    Route::Batch(Operation::Replace) => "replaceBatch",
    Route::Batch(Operation::Update) => "updateBatch",
    Route::Single(Operation::Create, _) => "createContact",
    Route::Single(Operation::Replace, _) => "replaceContact",
    Route::Single(Operation::Update, _) => "updateContact",
    Route::ReadJob(_) => "readJob",
    Route::DeleteJob(_) => "deleteJob",
    Route::CancelJob(_) => "cancelJob",
    Route::ApplyJob(_) => "applyDryRun",
    Route::CheckUndo(_) => "checkUndo",
    Route::UndoJob(_) => "undoJob",
    Route::JobEvents(_) => "followJob",
    Route::ListJobs => "listJobs",
    Route::ReadGroup(_) => "readGroup",
    Route::ImportCsv => "importContacts",
    Route::ListContacts => "listContacts",
    Route::ReadContact(_) => "readContact",
    Route::DeleteContact(_) => "deleteContact",
    Route::DeleteBatch => "deleteBatch",
    Route::DoNotContact(_, _, ChannelChange::Add) => "addDoNotContact",
    Route::DoNotContact(_, _, ChannelChange::Remove) => "removeDoNotContact",
    Route::Limits => "readLimits",
    Route::Fields(FieldsForm::Pages) => "listFields",
    Route::Fields(FieldsForm::Names) => "listFieldNames",
    Route::Profile(ProfileList::Owners) => "listOwners",
    Route::Profile(ProfileList::Stages) => "listStages",
    Route::Profile(ProfileList::Companies) => "listCompanies",
    Route::Profile(ProfileList::Caller) => "readCaller",
    Route::Webhook(WebhookCall::List) => "listWebhooks",
    Route::Webhook(WebhookCall::Add) => "addWebhook",
    Route::Webhook(WebhookCall::Read(_)) => "readWebhook",
    Route::Webhook(WebhookCall::Change(_)) => "changeWebhook",
    Route::Webhook(WebhookCall::Remove(_)) => "removeWebhook",
    Route::Webhook(WebhookCall::ReplaceSecret(_)) => "replaceWebhookSecret",
    Route::Webhook(WebhookCall::Test(_)) => "testWebhook",
    Route::Webhook(WebhookCall::ListMessages(_)) => "listWebhookMessages",
    Route::Webhook(WebhookCall::Replay(_)) => "replayWebhook",
    Route::Webhook(WebhookCall::ReplayOne(..)) => "replayWebhookMessage",
    Route::Public(PublicText::Description) => "readDescription",
    Route::Public(PublicText::Page) => "readPage",
}

operations! {
    admin_operation, ADMIN_OPERATIONS, AdminRoute,
    AdminRoute::ListComponents => "listComponents",
    AdminRoute::AddComponent => "addComponent",
    AdminRoute::ShowComponent(_) => "showComponent",
    AdminRoute::RemoveComponent(_) => "removeComponent",
    AdminRoute::ListTenants => "listTenants",
    AdminRoute::AddTenant => "addTenant",
    AdminRoute::ShowTenant(_) => "showTenant",
    AdminRoute::ChangeTenant(_) => "changeTenant",
    AdminRoute::RemoveTenant(_) => "removeTenant",
    AdminRoute::RollBackTenant(_) => "rollBackTenant",
    AdminRoute::AddSecret(_) => "addSecret",
    AdminRoute::ListSecrets(_) => "listSecrets",
    AdminRoute::RevokeSecret(..) => "revokeSecret",
    AdminRoute::RevokeTokens(_) => "revokeTokens",
    AdminRoute::RevokeToken => "revokeToken",
    AdminRoute::ListAudit => "listAudit",
    AdminRoute::ListLimits => "listLimits",
    AdminRoute::ListJobs(_) => "listJobs",
    AdminRoute::ListAllJobs => "listAllJobs",
    AdminRoute::CancelJob(_) => "cancelJob",
    AdminRoute::ShowJob(_) => "showJob",
    AdminRoute::DeleteJob(_) => "deleteJob",
    AdminRoute::ReadJobLog(_) => "readJobLog",
    AdminRoute::Webhook(WebhookCall::List) => "listWebhooks",
    AdminRoute::Webhook(WebhookCall::Add) => "addWebhook",
    AdminRoute::Webhook(WebhookCall::Read(_)) => "readWebhook",
    AdminRoute::Webhook(WebhookCall::Change(_)) => "changeWebhook",
    AdminRoute::Webhook(WebhookCall::Remove(_)) => "removeWebhook",
    AdminRoute::Webhook(WebhookCall::ReplaceSecret(_)) => "replaceWebhookSecret",
    AdminRoute::Webhook(WebhookCall::Test(_)) => "testWebhook",
    AdminRoute::Webhook(WebhookCall::ListMessages(_)) => "listWebhookMessages",
    AdminRoute::Webhook(WebhookCall::Replay(_)) => "replayWebhook",
    AdminRoute::Webhook(WebhookCall::ReplayOne(..)) => "replayWebhookMessage",
    AdminRoute::ListTenantWebhooks(_) => "listTenantWebhooks",
    AdminRoute::SwitchTenantWebhook(..) => "switchTenantWebhook",
    AdminRoute::Description => "readDescription",
    AdminRoute::Metrics => "readMetrics",
}

/// What both listeners answer before they look for a route, with its methods.
const OUTSIDE_OF_ROUTES: &[(&str, &str)] = &[(TOKEN_PATH, "POST"), (LIVE_PATH, "GET"), (READY_PATH, "GET")];

/// The operations that an earlier order of the words in a path has. Their routes are those of the usual order.
const OLD_ORDER: &str = "InOldOrder";

/// The methods that a description can name.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn description(published: &Published) -> Value {
    serde_json::from_str(published.text()).unwrap()
}

/// Returns a path of the description with values in place of its parameters.
fn filled(path: &str) -> String {
    let id = if path.contains("/job") || path.contains("/group") || path.contains("/webhooks") {
        "11111111-2222-4333-8444-555555555555"
    } else {
        "7"
    };
    path.replace("{id}", id)
        .replace("{message}", "msg_11111111222243338444555555555555")
        .replace("{channel}", "email")
        .replace("{tenant}", "acme")
        .replace("{component}", "rules")
        .replace("{secret}", "1f")
}

/// Walks over each path and method of a description. `find` returns the operation of a route.
fn assert_agrees(
    published: &Published,
    operations: &[&str],
    find: impl Fn(&Method, &str) -> Result<&'static str, Problem>,
) {
    let description = description(published);
    let mut reached = BTreeSet::new();
    let mut named: BTreeMap<&str, String> = BTreeMap::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        let filled = filled(path);
        assert!(!filled.contains('{'), "no value for a parameter of {path}");
        let described: BTreeSet<&str> = METHODS.into_iter().filter(|method| item.get(method).is_some()).collect();
        for method in &described {
            let id = item[*method]["operationId"].as_str().unwrap();
            let earlier = named.insert(id, format!("{method} {path}"));
            assert_eq!(earlier, None, "two operations are called {id}");
            let id = id.strip_suffix(OLD_ORDER).unwrap_or(id);
            if let Some((_, allowed)) = OUTSIDE_OF_ROUTES.iter().find(|(outside, _)| outside == path) {
                assert_eq!(method.to_ascii_uppercase(), *allowed, "{path}");
                continue;
            }
            let found = find(&method.to_ascii_uppercase().parse().unwrap(), &filled);
            assert_eq!(found.unwrap_or_else(|problem| panic!("{method} {path}: {}", problem.message())), id);
            reached.insert(id.to_owned());
        }
        if OUTSIDE_OF_ROUTES.iter().all(|(outside, _)| outside != path) {
            let refusal = find(&Method::TRACE, &filled).unwrap_err().into_reply();
            let allowed = refusal.headers()["allow"].to_str().unwrap().to_ascii_lowercase();
            // Each path has these, without an operation.
            let of_operations = allowed.split(", ").filter(|method| !["head", "options"].contains(method));
            assert_eq!(of_operations.collect::<BTreeSet<_>>(), described, "{path}");
        }
    }
    let expected: BTreeSet<String> = operations.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(reached, expected, "routes without a path in the description, or the other way round");
}

#[test]
fn each_path_of_the_clients_description_is_a_route_and_each_route_has_a_path() {
    assert_agrees(&CLIENT_DESCRIPTION, CLIENT_OPERATIONS, |method, path| {
        Route::find(method, path).map(|route| client_operation(&route))
    });
}

#[test]
fn each_path_of_the_operators_description_is_a_route_and_each_route_has_a_path() {
    assert_agrees(&ADMIN_DESCRIPTION, ADMIN_OPERATIONS, |method, path| {
        AdminRoute::find(method, path).map(|route| admin_operation(&route))
    });
}

#[test]
fn each_parameter_of_an_operators_call_is_described() {
    let description = description(&ADMIN_DESCRIPTION);
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(route) = AdminRoute::find(&method.to_ascii_uppercase().parse().unwrap(), &filled(path)) else {
                continue;
            };
            let listed = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            let described: BTreeSet<&str> = listed
                .iter()
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| parameter["name"].as_str())
                .collect();
            let known: BTreeSet<&str> = route.parameters().iter().copied().collect();
            assert_eq!(described, known, "{method} {path}");
        }
    }
}

#[test]
fn each_limit_of_a_tenant_is_described_with_its_range_and_default() {
    for (published, name) in
        [(&*ADMIN_DESCRIPTION, "Limits"), (&*ADMIN_DESCRIPTION, "LimitSettings"), (&*CLIENT_DESCRIPTION, "Limits")]
    {
        let description = description(published);
        let described = description["components"]["schemas"][name]["properties"].as_object().unwrap();
        assert_eq!(described.len(), TenantLimits::RULES.len(), "{name}");
        for rule in TenantLimits::RULES {
            let limit = &described[rule.name];
            let range = ["minimum", "default", "maximum"].map(|name| limit[name].as_u64());
            assert_eq!(range, [rule.least, rule.default, rule.most].map(Some), "{}", rule.name);
        }
    }
}

#[test]
fn each_reference_of_a_description_leads_somewhere() {
    fn walk(whole: &Value, part: &Value, references: &mut usize) {
        match part {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    *references += 1;
                    let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} is elsewhere"));
                    assert!(whole.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                members.values().for_each(|member| walk(whole, member, references));
            }
            Value::Array(elements) => elements.iter().for_each(|element| walk(whole, element, references)),
            _ => {}
        }
    }
    for published in [&*CLIENT_DESCRIPTION, &*ADMIN_DESCRIPTION] {
        let (whole, mut references) = (description(published), 0);
        walk(&whole, &whole, &mut references);
        assert!(references > 100, "{references}");
        assert_eq!(
            (&whole["openapi"], &whole["info"]["version"]),
            (&"3.1.0".into(), &env!("CARGO_PKG_VERSION").into())
        );
    }
}

#[test]
fn a_client_that_has_the_text_is_told_so() {
    let published = Published::new("text/plain", "text", Kept::Minutes);
    let whole = published.answer(&HeaderMap::new());
    let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!((whole.status(), whole.headers()["cache-control"].to_str().unwrap()), (StatusCode::OK, "max-age=300"));
    for (value, status) in [
        (etag.clone(), 304),
        (format!("W/{etag}"), 304),
        (format!("\"other\", {etag}"), 304),
        (String::from("*"), 304),
        (String::from("\"other\""), 200),
        (etag.trim_matches('"').to_owned(), 200),
        (String::new(), 200),
    ] {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_str(&value).unwrap())]);
        let reply = published.answer(&headers);
        assert_eq!(reply.status().as_u16(), status, "{value}");
        assert_eq!(reply.headers()["etag"].to_str().unwrap(), etag, "{value}");
    }
}

#[test]
fn the_paths_outside_of_routes_are_no_routes() {
    for (path, method) in OUTSIDE_OF_ROUTES {
        assert!(Route::find(&method.parse().unwrap(), path).is_err(), "{path}");
    }
    for path in [DESCRIPTION_PATH, PAGE_PATH] {
        assert!(Route::find(&Method::GET, path).is_ok(), "{path}");
    }
}
