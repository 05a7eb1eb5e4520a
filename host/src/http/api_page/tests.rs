use hyper::HeaderMap;
use serde_json::json;

use super::{PAGE, Page, answer};
use crate::http::api_description::CLIENT_DESCRIPTION;

#[test]
fn the_page_has_each_call_and_each_schema() {
    let description: serde_json::Value = serde_json::from_str(CLIENT_DESCRIPTION.text()).unwrap();
    let page = PAGE.text();
    let operations =
        description["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    for id in operations.filter_map(|operation| operation["operationId"].as_str()) {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    for name in description["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("<section id=\"schema-{name}\">")), "{name}");
    }
    // Each link leads to a part of the page, or to the description.
    for target in page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let is_there = target.strip_prefix('#').is_some_and(|id| page.contains(&format!("id=\"{id}\"")));
        assert!(is_there || target == "/openapi.json", "{target}");
    }
}

#[test]
fn the_page_runs_nothing_and_loads_nothing() {
    let page = PAGE.text();
    for part in ["<script", "<link", "<img", "src=", "http-equiv", " style=", "javascript:", "@import", "url("] {
        assert!(!page.contains(part), "{part}");
    }
    let reply = answer(&HeaderMap::new());
    let policy = reply.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[test]
fn what_the_description_says_is_text_on_the_page() {
    let hostile = "<b>\"&'`<i>`";
    let page = Page::of(&json!({
        "info": {"title": hostile, "summary": hostile},
        "tags": [{"name": hostile}],
        "paths": {hostile: {"get": {
            "operationId": hostile, "tags": [hostile], "summary": hostile,
            "parameters": [{"name": hostile, "in": hostile, "schema": {"enum": [hostile]}}],
            "responses": {hostile: {"description": hostile, "content": {hostile: {"schema": {"const": hostile}}}}},
        }}},
        "components": {"schemas": {hostile: {}}},
    }));
    assert!(!page.contains("<b>") && !page.contains("<i>"), "{page}");
}
