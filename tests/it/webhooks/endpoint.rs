//! What tests ask about webhooks.

use std::process::Command;

use bulkhead_tests::{Client, WebhookMessage, wait_until};
use serde_json::Value;

/// The path of a tenant's webhooks.
pub(super) const PATH: &str = "/api/webhooks";
/// The network of the receivers of these tests.
pub(super) const OWN: (&str, &str) = ("--webhook-allow", "127.0.0.0/8");

/// Adds a webhook, and returns its path and secret.
pub(super) fn add(client: &Client, body: &Value) -> (String, String) {
    let reply = client.send("POST", PATH, &[], body).expect(201);
    let webhook = reply.json()["webhook"].clone();
    let path = format!("{PATH}/{}", webhook["id"].as_str().expect("an id"));
    assert_eq!(reply.header("location"), Some(path.as_str()));
    (path, webhook["secret"].as_str().expect("a secret").to_owned())
}

pub(super) fn messages(client: &Client, path: &str) -> Vec<Value> {
    let listed = client.get(&format!("{path}/messages")).expect(200).json();
    listed["messages"].as_array().expect("a list").clone()
}

/// Waits until the newest message of a webhook is as wanted.
pub(super) fn wait_for(client: &Client, path: &str, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    wait_until(what, || messages(client, path).first().filter(|message| is_wanted(message)).cloned())
}

/// Returns how many of a message's signatures are by a secret, as a program without this server's code computes them.
pub(super) fn signatures_by(secret: &str, got: &WebhookMessage) -> usize {
    const CHECK: &str = "import sys, hmac, hashlib, base64
key = base64.b64decode(sys.argv[1].removeprefix('whsec_'))
tag = hmac.new(key, '.'.join(sys.argv[2:5]).encode(), hashlib.sha256).digest()
print(sys.argv[5].split(' ').count('v1,' + base64.b64encode(tag).decode()))";
    let arguments = [secret, got.header("webhook-id"), got.header("webhook-timestamp"), &got.body];
    let output = Command::new("python3")
        .args(["-c", CHECK])
        .args(arguments)
        .arg(got.header("webhook-signature"))
        .output()
        .expect("there is Python");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{output:?}"))
}
