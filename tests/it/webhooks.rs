//! `/api/webhooks`: a tenant's own servers are told when jobs end, by the Standard Webhooks specification.

mod endpoint;
mod operators;
mod receivers;
mod refusals;
mod tls;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use bulkhead_tests::{Options, Server, WebhookMessage, WebhookReceiver, answer_without_body, contacts};
use endpoint::{OWN, PATH, add, messages, signatures_by, wait_for};
use serde_json::{Value, json};

use crate::databases::Database;

fn an_endpoint_is_told_when_jobs_end(server: &Server) {
    let client = server.new_client("acme");
    let endpoint = WebhookReceiver::answering("204 No Content");
    let (path, secret) = add(&client, &json!({"url": endpoint.url()}));
    let job = client.create(&json!([{"email": "a@example.com"}, {"do": "trap"}]));
    let got = endpoint.next();
    assert_eq!((got.path.as_str(), got.header("content-type")), ("/hook?a=b", "application/json"));
    let told = got.json();
    assert_eq!(told["type"], "job.completed");
    assert!(told["timestamp"].is_string());
    let expected = json!({
        "id": job.id, "status": "completed", "total": 2, "created": 1, "updated": 0, "unchanged": 0, "failed": 1,
        "url": job.path(),
    });
    assert_eq!(told["data"], expected);
    assert_eq!(job.status(), "completed", "the message is sent after the commit");
    assert_eq!(signatures_by(&secret, &got), 1);
    assert_eq!(got.header("webhook-signature").split(' ').count(), 1);
    let listed = wait_for(&client, &path, "the outcome", |message| message["deliveredAt"].is_string());
    assert_eq!((&listed["id"], &listed["status"]), (&json!(got.header("webhook-id")), &json!(204)));
    assert_eq!((&listed["attempts"], &listed["nextAttemptAt"]), (&json!(1), &Value::Null));
    assert_eq!((&listed["type"], &listed["timestamp"]), (&told["type"], &told["timestamp"]));
    // A dry run says that it is one.
    let dry_run = client.send("POST", "/api/contacts/bulk/new?dryRun=1", &[], &contacts("d", 0..1)).expect(202).json();
    let told = endpoint.next().json();
    assert_eq!((&told["data"]["id"], &told["data"]["dryRun"]), (&dry_run["id"], &json!(true)));
    // An undo says what it undoes, and that it deleted.
    let undo = client.call("POST", &format!("{}/undo", job.path()), &[], &[]).expect(202).json();
    let told = endpoint.next().json();
    assert_eq!((&told["type"], &told["data"]["id"]), (&json!("job.undone"), &undo["id"]));
    assert_eq!((&told["data"]["undoes"], &told["data"]["deleted"]), (&json!(job.id), &json!(1)));
    // A job without contacts, and a job that is cancelled.
    let empty = client.create(&json!([]));
    assert_eq!(endpoint.next().json()["data"]["id"], empty.id);
    let running = client.create(&json!(vec![json!({"do": "loop"}); 500]));
    running.wait_for("in_progress");
    client.call("POST", &format!("{}/cancel", running.path()), &[], &[]).expect(200);
    let told = endpoint.next().json();
    assert_eq!((&told["type"], &told["data"]["id"]), (&json!("job.cancelled"), &json!(running.id)));
    assert_eq!(told["data"]["notProcessed"], 500);
    // While a secret is being replaced, both sign.
    let replaced = client.send("POST", &format!("{path}/secret"), &[], &Value::Null).expect(200).json();
    let new_secret = replaced["webhook"]["secret"].as_str().expect("a secret").to_owned();
    let sent = client.send("POST", &format!("{path}/test"), &[], &Value::Null).expect(202).json();
    let got = endpoint.next();
    assert_eq!((&got.json()["type"], &sent["id"]), (&json!("webhook.test"), &json!(got.header("webhook-id"))));
    assert_eq!((signatures_by(&secret, &got), signatures_by(&new_secret, &got)), (1, 1));
    assert_eq!(got.header("webhook-signature").split(' ').count(), 2);
    // What was taken can be sent again, as the same message.
    let id = listed["id"].as_str().expect("an id");
    let replayed = client.send("POST", &format!("{path}/messages/{id}/replay"), &[], &Value::Null).expect(202).json();
    assert_eq!((replayed["replayed"].as_u64(), endpoint.next().header("webhook-id")), (Some(1), id));
    // Only what an endpoint wants is sent to it, and nothing after it was removed.
    client.send("PATCH", &path, &[], &json!({"events": ["job.cancelled"]})).expect(200);
    client.create(&contacts("b", 0..1)).wait_for("completed");
    assert!(messages(&client, &path).iter().filter(|message| message["type"] == "job.completed").count() == 3);
    client.delete(&path).expect(204);
    client.get(&path).expect(404);
}

on_both_stores!(
    an_endpoint_is_told_when_jobs_end,
    rogue(),
    with("--workers", 1),
    with("--webhook-allow", "127.0.0.0/8")
);

fn a_message_that_is_not_taken_is_sent_again(server: &Server) {
    let client = server.new_client("acme");
    // The redirect leads to another endpoint, which must get nothing.
    let other = WebhookReceiver::answering("200 OK");
    let url = other.url();
    let answer = move |number: usize, _: &WebhookMessage| match number {
        0 => format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {url}\r\ncontent-length: 5\r\n\r\nmoved"),
        _ => answer_without_body("200 OK"),
    };
    let endpoint = WebhookReceiver::start(answer);
    let (path, secret) = add(&client, &json!({"url": endpoint.url(), "events": ["job.completed"]}));
    client.create(&contacts("a", 0..3));
    let first = endpoint.next();
    let failed = wait_for(&client, &path, "the first outcome", |message| message["status"] == 307);
    assert_eq!((&failed["note"], &failed["deliveredAt"]), (&json!("moved"), &Value::Null));
    assert!(failed["nextAttemptAt"].is_string());
    let shown = client.get(&path).expect(200).json()["webhook"].clone();
    assert_eq!((&shown["failures"], &shown["enabled"], &shown["secret"]), (&json!(1), &json!(true), &Value::Null));
    // Nobody has to wait for the next attempt.
    let replayed = client.send("POST", &format!("{path}/replay"), &[], &Value::Null).expect(202).json();
    assert_eq!(replayed["replayed"], 1);
    let second = endpoint.next();
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    assert_eq!([&first, &second].map(|got| signatures_by(&secret, got)), [1, 1]);
    wait_for(&client, &path, "the second outcome", |message| message["deliveredAt"].is_string());
    assert_eq!(client.get(&path).expect(200).json()["webhook"]["failures"], 0);
    assert!(other.messages.try_recv().is_err(), "no redirect is followed");
}

on_both_stores!(a_message_that_is_not_taken_is_sent_again, with("--webhook-allow", "127.0.0.0/8"));

fn an_endpoint_that_wants_no_more_is_disabled_and_gets_what_it_missed(server: &Server) {
    let client = server.new_client("acme");
    let endpoint =
        WebhookReceiver::start(|number, _| answer_without_body(if number == 0 { "410 Gone" } else { "200 OK" }));
    let (path, _) = add(&client, &json!({"url": endpoint.url()}));
    let first = client.create(&contacts("a", 0..1)).id.clone();
    endpoint.next();
    let shown = bulkhead_tests::wait_until("the endpoint to be disabled", || {
        let shown = client.get(&path).expect(200).json()["webhook"].clone();
        (shown["enabled"] == false).then_some(shown)
    });
    assert!(shown["disabledReason"].as_str().expect("a reason").contains("410"), "{shown}");
    // What happens meanwhile is kept.
    let second = client.create(&contacts("b", 0..1)).id.clone();
    client.job(&*second).wait_for("completed");
    let refused = client.send("POST", &format!("{path}/replay"), &[], &Value::Null).expect(409);
    assert!(refused.message().contains("enabled"), "{}", refused.text());
    let id = messages(&client, &path)[0]["id"].as_str().expect("an id").to_owned();
    client.send("POST", &format!("{path}/messages/{id}/replay"), &[], &Value::Null).expect(409);
    client.send("PATCH", &path, &[], &json!({"enabled": true})).expect(200);
    let mut told: Vec<String> =
        (0..2).map(|_| endpoint.next().json()["data"]["id"].as_str().expect("an id").to_owned()).collect();
    let mut expected = [first, second].to_vec();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
}

on_both_stores!(
    an_endpoint_that_wants_no_more_is_disabled_and_gets_what_it_missed,
    with("--webhook-allow", "127.0.0.0/8")
);

#[test]
fn a_message_is_sent_again_by_itself() {
    let server = Options::default().with(OWN.0, OWN.1).start();
    let client = server.new_client("acme");
    let endpoint =
        WebhookReceiver::start(|number, _| answer_without_body(if number == 0 { "500 Oh" } else { "200 OK" }));
    let (path, _) = add(&client, &json!({"url": endpoint.url()}));
    client.create(&contacts("a", 0..3));
    let [first, second] = [endpoint.next(), endpoint.next()];
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    let [before, after] =
        [&first, &second].map(|got| got.header("webhook-timestamp").parse::<u64>().expect("a number of seconds"));
    assert!(after >= before + 4, "{before} {after}");
    let taken = wait_for(&client, &path, "the outcome", |message| message["deliveredAt"].is_string());
    assert_eq!(taken["attempts"], 2);
}

#[test]
fn a_dead_endpoint_delays_no_other() {
    {
        let server = Options::default().with(OWN.0, OWN.1).start();
        let [dead, alive] = ["dead", "alive"].map(|name| server.new_client(name));
        // It takes connections and never answers.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://127.0.0.1:{}/", listener.local_addr().expect("an address").port());
        let paths: Vec<String> = (0..10).map(|_| add(&dead, &json!({"url": url})).0).collect();
        let endpoint = WebhookReceiver::answering("200 OK");
        add(&alive, &json!({"url": endpoint.url()}));
        dead.create(&contacts("d", 0..1)).wait_for("completed");
        let _held = listener.accept().expect("the first attempt");
        let job = alive.create(&contacts("a", 0..1)).id.clone();
        assert_eq!(endpoint.next().json()["data"]["id"], job);
        assert!(messages(&dead, &paths[0])[0]["deliveredAt"].is_null());
    }
}

#[test]
fn an_endpoint_gets_its_messages_one_right_after_the_other() {
    let server = Options::default().with(OWN.0, OWN.1).start();
    let client = server.new_client("acme");
    let endpoint = WebhookReceiver::answering("200 OK");
    let (path, _) = add(&client, &json!({"url": endpoint.url()}));
    // A look for messages every half second would take 30 seconds.
    client.send("PATCH", &path, &[], &json!({"enabled": false})).expect(200);
    for _ in 0..60 {
        client.create(&json!([])).wait_for("completed");
    }
    client.send("PATCH", &path, &[], &json!({"enabled": true})).expect(200);
    let started = Instant::now();
    let mut ids: Vec<String> = (0..60).map(|_| endpoint.next().header("webhook-id").to_owned()).collect();
    let elapsed = started.elapsed();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 60, "each of them once");
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[test]
fn an_endpoint_is_tested_ten_times_a_minute_at_most() {
    let server = Options::default().with(OWN.0, OWN.1).start();
    let client = server.new_client("acme");
    let endpoint = WebhookReceiver::answering("200 OK");
    let (path, _) = add(&client, &json!({"url": endpoint.url()}));
    let test = || client.send("POST", &format!("{path}/test"), &[], &Value::Null);
    for _ in 0..10 {
        test().expect(202);
    }
    let refused = test().expect(429);
    assert_eq!(
        (refused.problem()["type"].as_str(), refused.header("retry-after")),
        (Some("quota_exceeded"), Some("60"))
    );
    server.set_clock(Duration::from_secs(61));
    test().expect(202);
    // Of an endpoint that gets no messages, nobody would see what becomes of a test.
    client.send("PATCH", &path, &[], &json!({"enabled": false})).expect(200);
    let refused = test().expect(409).problem();
    assert_eq!(refused["type"], "webhook_disabled", "{refused}");
    let messages = client.get(&format!("{path}/messages")).expect(200).json();
    assert_eq!(messages["messages"].as_array().map(Vec::len), Some(11));
    client.send("PATCH", &path, &[], &json!({"enabled": true})).expect(200);
    test().expect(202);
}

#[test]
fn the_log_tells_of_messages_that_are_kept_no_longer() {
    let server = Server::start();
    let client = server.new_client("acme");
    let (path, _) = add(&client, &json!({"url": "https://hooks.example/"}));
    client.send("PATCH", &path, &[], &json!({"enabled": false})).expect(200);
    server.set_limits("acme", &json!({"jobsPerMinute": 10_000}));
    for _ in 0..1_001 {
        client.create(&json!([])).wait_for("completed");
    }
    let logged = server.wait_for_events("webhook_messages_dropped", 1).remove(0);
    assert_eq!((&logged["tenant"], &logged["count"]), (&json!("acme"), &json!(1)));
    assert_eq!(path, format!("{PATH}/{}", logged["webhook"].as_str().expect("an id")));
}

#[test]
fn a_message_survives_its_server() {
    let database = Database::fresh();
    let options = || database.options().with(OWN.0, OWN.1);
    let mut first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    let endpoint =
        WebhookReceiver::start(|number, _| if number == 0 { String::new() } else { answer_without_body("200 OK") });
    let (path, _) = add(&first.client(&tenant), &json!({"url": endpoint.url()}));
    let job = first.client(&tenant).create(&contacts("a", 0..3)).id.clone();
    let got = endpoint.next();
    first.kill9();
    let again = endpoint.next();
    assert_eq!((got.header("webhook-id"), &got.body), (again.header("webhook-id"), &again.body));
    assert_eq!(again.json()["data"]["id"], job);
    let client = second.client(&tenant);
    wait_for(&client, &path, "the outcome", |message| message["deliveredAt"].is_string());
}
