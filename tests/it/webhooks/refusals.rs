//! What is no webhook, and where messages are not sent.

use std::net::TcpListener;

use bulkhead_tests::Server;
use serde_json::{Value, json};

use super::endpoint::{PATH, add, wait_for};

#[test]
fn messages_go_to_the_public_internet_alone() {
    let server = Server::start();
    let client = server.new_client("acme");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    for (url, part) in [
        (format!("https://127.0.0.1:{port}/"), "127.0.0.1"),
        (format!("https://2130706433:{port}/"), "127.0.0.1"),
        (format!("https://0x7f.1:{port}/"), "127.0.0.1"),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), "127.0.0.1"),
        (format!("https://127.0.0.1.:{port}/"), "127.0.0.1"),
        (format!("https://[::1]:{port}/"), "::1"),
        (format!("https://0:{port}/"), "0.0.0.0"),
        (format!("http://127.0.0.1:{port}/"), "127.0.0.1"),
        (String::from("https://169.254.169.254/latest/meta-data"), "169.254.169.254"),
        (String::from("http://hooks.example/"), "https://"),
    ] {
        let refused = client.send("POST", PATH, &[], &json!({"url": url})).expect(400);
        let (message, command) = (refused.message(), server.command_line(&["webhook", "add", "acme", &url]).expect(2));
        let remedy = "start each server with --webhook-allow CIDR, and give this command the same option";
        assert!(command.stderr.contains(remedy), "{}", command.stderr);
        for said in [message, command.stderr] {
            assert!(said.contains(part) && said.contains("--webhook-allow"), "{url}: {said}");
        }
    }
    // Where a name leads is seen when a message is sent.
    let (path, _) = add(&client, &json!({"url": format!("https://localhost:{port}/")}));
    client.send("POST", &format!("{path}/test"), &[], &Value::Null).expect(202);
    let failed = wait_for(&client, &path, "the attempt", |message| message["attempts"] == 1);
    let note = failed["note"].as_str().expect("a reason");
    assert!(note.contains("not sent to") && note.contains("--webhook-allow"), "{note}");
    let logged = server.wait_for_events("webhook_failed", 1).remove(0);
    assert_eq!((&logged["tenant"], &logged["reason"]), (&json!("acme"), &json!(note)));
    client.send("PATCH", &path, &[], &json!({"url": format!("https://127.0.0.1:{port}/")})).expect(400);
    listener.set_nonblocking(true).expect("it can be set");
    assert!(listener.accept().is_err(), "nothing was connected to");
}

#[test]
fn what_is_no_webhook_is_refused() {
    let server = Server::start();
    let (client, other) = (server.new_client("acme"), server.new_client("other"));
    let url = "https://hooks.example/";
    for (body, part) in [
        (json!({}), "url: this must be given"),
        (json!({"url": 7}), "url: this must be a text, not a number"),
        (json!({"url": url, "events": "job.completed"}), "events: this must be a list"),
        (json!({"url": url, "events": [1]}), "events[0]: this must be a text"),
        (json!({"url": url, "events": ["component.failing"]}), "component.failing"),
        (json!({"url": "http://hooks.example/"}), "https"),
        (json!({"url": "ftp://hooks.example/"}), "https"),
        (json!({"url": "https://user:secret@hooks.example/"}), "password"),
        (json!({"url": "https://hooks.example:22/"}), "port"),
        (json!({"url": "https://hooks.example/#a"}), "'#'"),
        (json!({"url": "hooks"}), "URL"),
        (json!({"url": url, "events": []}), "job.completed"),
        (json!({"url": url, "events": ["job.started"]}), "job.started"),
        (json!({"url": url, "secret": "mine"}), "secret"),
        (json!([url]), "cannot be read"),
    ] {
        let reply = client.send("POST", PATH, &[], &body).expect(400);
        assert!(reply.message().contains(part) && reply.message().contains("Nothing was changed"), "{}", reply.text());
    }
    for (body, part) in [
        ("", "the text is empty"),
        ("{\"url\":", "the text ends too early at line 1"),
        ("{\"url\":\"https://hooks.example/\",\"url\":\"https://hooks.example/\"}", "url: this is given twice"),
        ("\u{feff}{}", "byte order mark"),
    ] {
        let reply = client.call("POST", PATH, &[("content-type", "application/json")], body.as_bytes()).expect(400);
        assert!(reply.message().contains(part) && reply.message().contains("Nothing was changed"), "{}", reply.text());
    }
    client.call("POST", PATH, &[("content-type", "text/csv")], b"url\n").expect(415);
    client.call("PUT", PATH, &[], b"{}").expect(405);
    let paths: Vec<String> = (0..10).map(|_| add(&client, &json!({"url": url})).0).collect();
    let reply = client.send("POST", PATH, &[], &json!({"url": url})).expect(409);
    assert!(reply.message().contains("10 webhooks"), "{}", reply.text());
    let listed = client.get(PATH).expect(200).json();
    assert_eq!(listed["webhooks"].as_array().map(Vec::len), Some(10));
    assert!(!listed.to_string().contains("whsec_"), "a secret is shown once");
    // Another tenant knows none of them.
    assert_eq!(other.get(PATH).expect(200).json(), json!({"webhooks": []}));
    for path in [&paths[0], &format!("{PATH}/nonsense"), &format!("{PATH}/7f1c3a8e-0000-4000-8000-000000000000")] {
        other.get(path).expect(404);
        other.delete(path).expect(404);
        other.send("PATCH", path, &[], &json!({"enabled": false})).expect(404);
        for more in ["secret", "test", "replay", "messages/msg_00000000000000000000000000000000/replay"] {
            other.send("POST", &format!("{path}/{more}"), &[], &Value::Null).expect(404);
        }
        other.get(&format!("{path}/messages")).expect(404);
    }
    client.get(&format!("{}/nothing", paths[0])).expect(404);
    let none = format!("{}/messages/msg_00000000000000000000000000000000/replay", paths[0]);
    client.send("POST", &none, &[], &Value::Null).expect(404);
    assert!(client.get(&paths[0]).expect(200).json()["webhook"]["enabled"] == true);
}
