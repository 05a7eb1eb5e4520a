//! What operators do about webhooks: their own endpoints, and those of tenants.

use bulkhead_tests::{Server, WebhookReceiver, contacts};
use serde_json::{Value, json};

use super::endpoint::{OWN, PATH, add, messages, signatures_by, wait_for};

fn operators_are_told_of_failing_components(server: &Server) {
    const ADMIN_PATH: &str = "/admin/webhooks";
    let (client, operator) = (server.new_client("acme"), server.operator());
    let endpoint = WebhookReceiver::answering("204 No Content");
    let reply = operator.send("POST", ADMIN_PATH, &[], &json!({"url": endpoint.url()})).expect(201);
    let webhook = reply.json()["webhook"].clone();
    assert_eq!(webhook["events"], json!(["component.failing"]));
    let path = format!("{ADMIN_PATH}/{}", webhook["id"].as_str().expect("an id"));
    assert_eq!(reply.header("location"), Some(path.as_str()));
    // 100 failed items end a job, and 300 failed calls suspend the component.
    for _ in 0..3 {
        client.create(&json!(vec![json!({"do": "trap"}); 500])).wait_for("completed");
    }
    let got = endpoint.next();
    let told = got.json();
    assert_eq!((&told["type"], &told["data"]["tenant"]), (&json!("component.failing"), &json!("acme")));
    let component = told["data"]["component"].as_str().expect("a component");
    let shown = operator.get(&format!("/admin/components/{component}")).expect(200).json();
    assert_eq!((&shown["digest"], &shown["world"]), (&json!(component), &json!("processor")));
    assert_eq!((&told["data"]["failure"], &told["data"]["suspendedSeconds"]), (&json!("trapped"), &json!(30)));
    assert_eq!(signatures_by(webhook["secret"].as_str().expect("a secret"), &got), 1);
    wait_for(&operator, &path, "the outcome", |message| message["deliveredAt"].is_string());
    // The calls are those of tenants.
    assert_eq!(operator.get(ADMIN_PATH).expect(200).json()["webhooks"][0]["id"], webhook["id"]);
    assert_eq!(operator.get(&path).expect(200).json()["webhook"]["enabled"], true);
    let id = messages(&operator, &path)[0]["id"].as_str().expect("an id").to_owned();
    for replayed in [format!("messages/{id}/replay"), String::from("test"), String::from("secret")] {
        let status = if replayed == "secret" { 200 } else { 202 };
        operator.send("POST", &format!("{path}/{replayed}"), &[], &Value::Null).expect(status);
    }
    assert_eq!([(); 2].map(|()| endpoint.next().json()["type"].clone()), ["component.failing", "webhook.test"]);
    operator.send("PATCH", &path, &[], &json!({"events": ["job.completed"]})).expect(400);
    operator.send("PATCH", &path, &[], &json!({"enabled": false})).expect(200);
    operator.send("POST", &format!("{path}/replay"), &[], &Value::Null).expect(409);
    operator.send("POST", &format!("{path}/messages/{id}/replay"), &[], &Value::Null).expect(409);
    operator.send("PATCH", &path, &[], &json!({"enabled": true})).expect(200);
    operator.send("POST", &format!("{path}/replay"), &[], &Value::Null).expect(202);
    // A tenant's endpoints are seen and disabled.
    let (own, _) = add(&client, &json!({"url": endpoint.url()}));
    let tenants = own.replace("/api", "/admin/tenants/acme");
    assert_eq!(operator.get("/admin/tenants/acme/webhooks").expect(200).json(), client.get(PATH).expect(200).json());
    let switched = operator.send("PATCH", &tenants, &[], &json!({"enabled": false})).expect(200).json();
    assert_eq!(switched["webhook"]["disabledReason"], "It was disabled by an operator.");
    assert_eq!(client.get(&own).expect(200).json(), switched);
    operator.send("PATCH", &tenants, &[], &json!({"enabled": true})).expect(200);
    for (body, part) in
        [(json!({}), "enabled: this must be given"), (json!({"url": "x"}), "url: there is no such member")]
    {
        let refused = operator.send("PATCH", &tenants, &[], &body).expect(400);
        assert!(refused.message().contains(part), "{}", refused.text());
    }
    // Nobody sees another's.
    operator.send("PATCH", &path.replace("/admin", "/admin/tenants/acme"), &[], &json!({"enabled": true})).expect(404);
    operator.get(&own.replace("/api", "/admin")).expect(404);
    client.get(&path.replace("/admin", "/api")).expect(404);
    for (method, more) in [
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/secret"),
        ("POST", "/test"),
        ("POST", "/replay"),
        ("GET", "/messages"),
        ("POST", "/messages/msg_00000000000000000000000000000000/replay"),
    ] {
        operator.send(method, &format!("{}{more}", own.replace("/api", "/admin")), &[], &json!({})).expect(404);
    }
    operator.get("/admin/tenants/nobody/webhooks").expect(404);
    for _ in 1..10 {
        operator.send("POST", ADMIN_PATH, &[], &json!({"url": endpoint.url()})).expect(201);
    }
    operator.send("POST", ADMIN_PATH, &[], &json!({"url": endpoint.url()})).expect(409);
    operator.delete(&path).expect(204);
    operator.get(&path).expect(404);
}

on_both_stores!(
    operators_are_told_of_failing_components,
    admin(),
    rogue(),
    with("--workers", 1),
    with("--webhook-allow", "127.0.0.0/8")
);

fn operators_work_on_webhooks(server: &Server) {
    let client = server.new_client("acme");
    let endpoint = WebhookReceiver::answering("200 OK");
    let run = |words: &[&str]| server.command_line(&[&["webhook"], words].concat());
    let json = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON object on each line")).collect()
    };
    let added = run(&["add", "acme", &endpoint.url(), "--event", "job.completed", OWN.0, OWN.1]).expect(0);
    let added = json(&added.stdout).remove(0);
    let (id, secret) = (added["id"].as_str().expect("an id"), added["secret"].as_str().expect("a secret"));
    client.create(&contacts("a", 0..1));
    assert_eq!(signatures_by(secret, &endpoint.next()), 1);
    let path = format!("{PATH}/{id}");
    wait_for(&client, &path, "the outcome", |message| message["deliveredAt"].is_string());
    let listed = json(&run(&["list", "acme"]).expect(0).stdout);
    assert_eq!(Value::from(listed.clone()), client.get(PATH).expect(200).json()["webhooks"]);
    assert_eq!((&listed[0]["events"], &listed[0]["secret"]), (&json!(["job.completed"]), &Value::Null));
    assert_eq!(json(&run(&["messages", "acme", id]).expect(0).stdout), messages(&client, &path));
    let disabled = json(&run(&["disable", "acme", id]).expect(0).stdout).remove(0);
    assert!(
        disabled["enabled"] == false && disabled["disabledReason"] == "It was disabled by an operator.",
        "{disabled}"
    );
    assert!(run(&["replay", "acme", id]).expect(2).stderr.contains("webhook enable"));
    let job = client.create(&contacts("b", 0..1)).id.clone();
    client.job(&*job).wait_for("completed");
    run(&["enable", "acme", id]).expect(0);
    assert_eq!(endpoint.next().json()["data"]["id"], job, "it gets what it missed");
    run(&["replay", "acme", id]).expect(0);
    for (words, part) in [
        (&["list", "nobody"][..], "nobody"),
        (&["add", "nobody", "https://hooks.example/"], "nobody"),
        (&["enable", "acme", "7f1c3a8e-0000-4000-8000-000000000000"], "webhook list acme"),
        (&["add", "acme", "ftp://hooks.example/"], "https://"),
        (
            &["add", "acme", "https://hooks.example/", "--event", "job.started"],
            "job.completed or job.cancelled or job.undone",
        ),
    ] {
        let refused = run(words).expect(2);
        assert!(refused.stderr.contains(part), "{words:?}: {}", refused.stderr);
    }
    run(&["remove", "acme", id]).expect(0);
    run(&["remove", "acme", id]).expect(2);
    client.get(&path).expect(404);
}

on_both_stores!(operators_work_on_webhooks, with("--webhook-allow", "127.0.0.0/8"));
