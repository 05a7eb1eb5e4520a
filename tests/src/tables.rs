//! Tables of expectations, run in a server.

use std::fs;
use std::path::PathBuf;

use bulkhead_table::{Case, Operation, parse};
use serde_json::{Value, json};

use crate::{Client, Options, Server, component};

/// Runs the table of an example, `examples/<path>/CASES.json`, in a server where each case's tenant has the example's component.
/// Returns a line for each difference.
pub fn run_table(path: &str) -> Vec<String> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).join(path);
    let name = path.rsplit('/').next().unwrap_or(path);
    let text = fs::read_to_string(folder.join("CASES.json")).expect("the example has a table");
    let cases = parse(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(!cases.is_empty(), "{path}: no cases");
    let server = Options::default().admin().start();
    let bytes = fs::read(component(name)).expect("it was built");
    let added = server.operator().call("POST", &format!("/admin/components?name={name}"), &[], &bytes).expect(201);
    let world = added.json()["world"].as_str().expect("a world").to_owned();
    let play = |(number, case): (usize, &Case)| {
        let rows = play(&server, &format!("case-{number}"), &world, name, case);
        rows.into_iter().map(|difference| format!("{}: {difference}", case.name)).collect::<Vec<_>>()
    };
    cases.iter().enumerate().flat_map(play).collect()
}

fn play(server: &Server, tenant: &str, world: &str, component: &str, case: &Case) -> Vec<String> {
    let client = server.new_client(tenant);
    let set = |change: &Value| {
        server.operator().send("PATCH", &format!("/admin/tenants/{tenant}"), &[], change).expect(200);
    };
    let profile = case.profile.as_ref().map_or("{}", |profile| profile.get());
    let profile: Value = serde_json::from_str(profile).expect("a profile");
    // A validator does not check the contacts that are stored before.
    let before = if world == "processor" { json!({"processor": component}) } else { json!({}) };
    if case.refused.is_some() {
        let change = with(before, "profile", profile);
        let answer = server.operator().send("PATCH", &format!("/admin/tenants/{tenant}"), &[], &change);
        return case.profile_differences((answer.status != 200).then_some(answer.text().as_str()));
    }
    set(&with(before, "profile", profile));
    if !case.stored.is_empty() {
        let rows = send(&client, Operation::Create, &case.stored);
        assert!(rows.iter().all(|row| row["statusCode"] == 201), "{}: {rows:?}", case.name);
    }
    if world == "validator" {
        set(&json!({"validator": component}));
    }
    let rows = send(&client, case.operation, &case.contacts);
    case.differences(&rows, |id| Some(client.get(&format!("/api/contacts/{id}")).expect(200).json()["contact"].clone()))
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn send(client: &Client, operation: Operation, contacts: &[Box<serde_json::value::RawValue>]) -> Vec<Value> {
    let (method, path) = match operation {
        Operation::Create => ("POST", "/api/contacts/bulk/new"),
        Operation::Replace => ("PUT", "/api/contacts/bulk/edit"),
        Operation::Update => ("PATCH", "/api/contacts/bulk/edit"),
    };
    let texts: Vec<&str> = contacts.iter().map(|contact| contact.get()).collect();
    let body = format!("[{}]", texts.join(","));
    client.accepted(&client.call(method, path, &[("content-type", "application/json")], body.as_bytes())).rows()
}
