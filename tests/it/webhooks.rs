//! `/api/webhooks`: a tenant's own servers are told when jobs end, by the Standard Webhooks specification.

use std::io::{BufRead as _, BufReader, Lines, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_tests::{Client, DEADLINE, Options, Server, contacts, receiver, wait_until};
use serde_json::{Value, json};

use crate::databases::Database;

const PATH: &str = "/api/webhooks";
/// The network of the receivers of these tests.
const OWN: (&str, &str) = ("--webhook-allow", "127.0.0.0/8");

/// A message as it was received.
#[derive(Debug, Clone)]
struct Got {
    path: String,
    head: String,
    body: String,
}

impl Got {
    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
        line.unwrap_or_else(|| panic!("no {name}: {}", self.head)).split_once(':').expect("a value").1.trim()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A tenant's server. Its answers are what `answer` makes of the number of the message.
struct Endpoint {
    port: u16,
    messages: Receiver<Got>,
}

impl Endpoint {
    fn start(answer: impl Fn(usize, &Got) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (send, messages) = mpsc::channel();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                let Some(got) = receive(&mut stream) else { continue };
                let answer = answer(number, &got);
                if send.send(got).is_err() {
                    return;
                }
                drop(stream.write_all(answer.as_bytes()));
            }
        });
        Self { port, messages }
    }

    fn answering(status: &'static str) -> Self {
        Self::start(move |_, _| empty(status))
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?a=b", self.port)
    }

    #[track_caller]
    fn next(&self) -> Got {
        self.messages.recv_timeout(DEADLINE).expect("a message")
    }
}

fn empty(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")
}

fn receive(stream: &mut TcpStream) -> Option<Got> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let mut bytes = Vec::new();
    let end = loop {
        let mut piece = [0; 4_096];
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length = text.to_ascii_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length:").and_then(|length| length.trim().parse::<usize>().ok())
        })?;
        if bytes.len() >= end + 4 + length {
            break end;
        }
    };
    let text = String::from_utf8(bytes).ok()?;
    let path = text.split(' ').nth(1)?.to_owned();
    Some(Got { path, head: text[..end].to_owned(), body: text[end + 4..].to_owned() })
}

/// Adds a webhook, and returns its path and secret.
fn add(client: &Client, body: &Value) -> (String, String) {
    let reply = client.send("POST", PATH, &[], body).expect(201);
    let webhook = reply.json()["webhook"].clone();
    let path = format!("{PATH}/{}", webhook["id"].as_str().expect("an id"));
    assert_eq!(reply.header("location"), Some(path.as_str()));
    (path, webhook["secret"].as_str().expect("a secret").to_owned())
}

fn messages(client: &Client, path: &str) -> Vec<Value> {
    let listed = client.get(&format!("{path}/messages")).expect(200).json();
    listed["messages"].as_array().expect("a list").clone()
}

/// Waits until the newest message of a webhook is as wanted.
fn wait_for(client: &Client, path: &str, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    wait_until(what, || messages(client, path).first().filter(|message| is_wanted(message)).cloned())
}

/// Returns how many of a message's signatures are by a secret, as a program without this server's code computes them.
fn signatures_by(secret: &str, got: &Got) -> usize {
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

fn an_endpoint_is_told_when_jobs_end(server: &Server) {
    let client = server.new_client("acme");
    let endpoint = Endpoint::answering("204 No Content");
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
    let other = Endpoint::answering("200 OK");
    let url = other.url();
    let answer = move |number: usize, _: &Got| match number {
        0 => format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {url}\r\ncontent-length: 5\r\n\r\nmoved"),
        _ => empty("200 OK"),
    };
    let endpoint = Endpoint::start(answer);
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
    let endpoint = Endpoint::start(|number, _| empty(if number == 0 { "410 Gone" } else { "200 OK" }));
    let (path, _) = add(&client, &json!({"url": endpoint.url()}));
    let first = client.create(&contacts("a", 0..1)).id.clone();
    endpoint.next();
    let shown = wait_until("the endpoint to be disabled", || {
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
    let endpoint = Endpoint::start(|number, _| empty(if number == 0 { "500 Oh" } else { "200 OK" }));
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
        let endpoint = Endpoint::answering("200 OK");
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
    let endpoint = Endpoint::answering("200 OK");
    let (path, _) = add(&client, &json!({"url": endpoint.url()}));
    // A look for messages every half second would take 30 seconds.
    client.send("PATCH", &path, &[], &json!({"enabled": false})).expect(200);
    for _ in 0..60 {
        client.send("POST", &format!("{path}/test"), &[], &Value::Null).expect(202);
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
fn the_log_tells_of_messages_that_are_kept_no_longer() {
    let server = Server::start();
    let client = server.new_client("acme");
    let (path, _) = add(&client, &json!({"url": "https://hooks.example/"}));
    client.send("PATCH", &path, &[], &json!({"enabled": false})).expect(200);
    for _ in 0..1_001 {
        client.send("POST", &format!("{path}/test"), &[], &Value::Null).expect(202);
    }
    let logged = server.wait_for_events("webhook_messages_dropped", 1).remove(0);
    assert_eq!((&logged["tenant"], &logged["count"]), (&json!("acme"), &json!(1)));
    assert_eq!(path, format!("{PATH}/{}", logged["webhook"].as_str().expect("an id")));
}

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

#[test]
fn a_message_survives_its_server() {
    let database = Database::fresh();
    let options = || database.options().with(OWN.0, OWN.1);
    let mut first = options().start();
    let second = options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    let endpoint = Endpoint::start(|number, _| if number == 0 { String::new() } else { empty("200 OK") });
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

fn operators_work_on_webhooks(server: &Server) {
    let client = server.new_client("acme");
    let endpoint = Endpoint::answering("200 OK");
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
        (&["add", "acme", "https://hooks.example/", "--event", "job.started"], "job.completed or job.cancelled"),
    ] {
        let refused = run(words).expect(2);
        assert!(refused.stderr.contains(part), "{words:?}: {}", refused.stderr);
    }
    run(&["remove", "acme", id]).expect(0);
    run(&["remove", "acme", id]).expect(2);
    client.get(&path).expect(404);
}

on_both_stores!(operators_work_on_webhooks, with("--webhook-allow", "127.0.0.0/8"));

/// A program of `examples/receivers`; killed when it is dropped.
struct ExampleReceiver {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl ExampleReceiver {
    fn start(language: &str, secret: &str) -> Self {
        let mut command = Command::new(receiver(language));
        let mut child = command.args(["receive", secret]).stdout(Stdio::piped()).spawn().expect("it can be started");
        let lines = BufReader::new(child.stdout.take().expect("it is a pipe")).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("a line").expect("a text")
    }
}

impl Drop for ExampleReceiver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The libraries of the specification, each in a program of its own.
#[test]
fn the_libraries_of_the_specification_take_messages() {
    let server = Options::default().with(OWN.0, OWN.1).start();
    let client = server.new_client("acme");
    for language in ["node", "python"] {
        let (path, old_secret) = add(&client, &json!({"url": "https://hooks.example/", "events": ["job.completed"]}));
        let replaced = client.send("POST", &format!("{path}/secret"), &[], &Value::Null).expect(200).json();
        let secret = replaced["webhook"]["secret"].as_str().expect("a secret").to_owned();
        let wrong = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let mut ids = Vec::new();
        for (secret, status) in [(secret.as_str(), 204), (old_secret.as_str(), 204), (wrong, 401)] {
            let mut receiver = ExampleReceiver::start(language, secret);
            client.send("PATCH", &path, &[], &json!({"url": receiver.line()})).expect(200);
            let job = client.create(&json!([{"email": "a\u{e4}\"@example.com"}]));
            let listed = wait_for(&client, &path, "the outcome", |message| {
                message["attempts"] == 1 && !ids.contains(&message["id"])
            });
            assert_eq!(listed["status"], status, "{language} {listed}");
            ids.push(listed["id"].clone());
            if status == 204 {
                let told: Value = serde_json::from_str(&receiver.line()).expect("JSON");
                assert_eq!((&told["id"], &told["type"]), (&listed["id"], &json!("job.completed")), "{language}");
                assert_eq!(told["data"]["id"], job.id, "{language}");
            }
        }
        client.delete(&path).expect(204);
    }
}

#[test]
fn the_documented_check_finds_the_documented_message_genuine() {
    const PAGE: &str = include_str!("../../docs/webhooks.md");
    let block = |start: &str| {
        let block = PAGE.split_once(start).unwrap_or_else(|| panic!("no {start}")).1;
        block.split_once("\n```").expect("an end").0
    };
    let secret = format!("whsec_{}", block("\"secret\":\"whsec_").split('"').next().expect("a secret"));
    let (head, body) = block("```\nPOST /bulkhead HTTP/1.1\n").split_once("\n\n").expect("a body");
    let check = format!(
        "{}\nimport sys\n\
         secret, head, body, late = sys.argv[1:]\n\
         headers = dict(line.split(': ') for line in head.split('\\n'))\n\
         print(is_genuine(secret, headers, body.encode(), int(headers['webhook-timestamp']) + int(late)))",
        block("```python\n")
    );
    for (body, late, expected) in
        [(body, "9", "True"), (body, "301", "False"), (body, "-301", "False"), (&format!("{body} "), "9", "False")]
    {
        let output = Command::new("python3").args(["-c", &check, &secret, head, body, late]).output();
        let output = output.expect("there is Python");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{late} {output:?}");
    }
}
