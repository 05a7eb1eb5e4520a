//! `bulkhead submit`: what it sends, reports and refuses.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use bulkhead_tests::{Server, contacts, gzip, run, run_with_input};
use serde_json::{Value, json};

#[test]
fn submit_waits_for_the_job_and_reports() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let submit = |file: &str, more: &[&str], input: &[u8]| {
        let url = server.url();
        let args = ["submit", file, "--url", &url, "--user", &user];
        run_with_input(args.iter().chain(more), input)
    };
    let file = server.scratch("contacts.json").display().to_string();

    fs::write(&file, contacts("c", 0..1_200).to_string()).expect("a file can be written");
    let report = submit(&file, &[], &[]).expect(0).stdout;
    for line in ["created                  1200", "updated                     0", "failed                      0"] {
        assert!(report.contains(line), "{report}");
    }
    assert!(report.contains("contacts per second"), "{report}");

    let mixed = json!({"x": {"email": "c1@example.com"}, "y": {"email": "bad"}, "z": 5});
    let report = submit("-", &[], mixed.to_string().as_bytes()).expect(1).stdout;
    for part in [
        "unchanged                   1",
        "failed                      2",
        "#1 key y bad (400): email: A valid email is required.",
        "#2 key z (400): A contact must be a JSON object.",
    ] {
        assert!(report.contains(part), "{part}: {report}");
    }

    let report = submit("-", &["--operation", "update"], br#"[{"id":1,"points":9},{"id":99999,"points":9}]"#).expect(1);
    assert!(report.stdout.contains("#1 (404): Item was not found."), "{}", report.stdout);
    assert_eq!(server.client(&tenant).values(&json!(1))["points"], 9);
    submit("-", &["--operation", "replace"], br#"[{"id":1,"firstname":"Ada"}]"#).expect(0);
    assert_eq!(server.client(&tenant).values(&json!(1))["points"], 0);
}

#[test]
fn submit_gives_advice_when_the_request_is_refused() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let url = server.url();
    let missing = server.scratch("missing.json").display().to_string();
    for (args, input, part) in [
        (["-", "--url", &url, "--user", "acme:wrong"], "[{}]", "Check --user"),
        (["-", "--url", &url, "--user", "nonsense"], "[{}]", "ID:SECRET"),
        (["-", "--url", &url, "--user", ""], "[{}]", "environment variable BULKHEAD_USER"),
        (["-", "--url", "http://127.0.0.1:1", "--user", &user], "[{}]", "no server answers"),
        (["-", "--url", "nonsense", "--user", &user], "[{}]", "Give http://nonsense, or https://nonsense if TLS"),
        (["-", "--url", "http://acme:secret@localhost", "--user", &user], "[{}]", "no place for credentials"),
        (["-", "--url", &url, "--user", &user], "[{},", "line 1"),
        ([&missing, "--url", &url, "--user", &user], "", "cannot be read"),
    ] {
        let ended = run_with_input(["submit"].iter().chain(&args), input.as_bytes()).expect(2);
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    let without = run_with_input(["submit", "-", "--url", &url], b"[{}]").expect(2);
    assert!(
        without.stderr.contains("--user ID:SECRET, or set the environment variable BULKHEAD_USER"),
        "{}",
        without.stderr
    );
}

#[test]
fn submit_names_what_was_warned_of_and_ignored() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    // More rows than a page has, and the last of them has a warning.
    let mut items: Vec<Value> = (0..1_500).map(|n| json!({"email": format!("w{n}@example.com"), "utm": n})).collect();
    for place in [0, 700, 1_499] {
        items[place]["state"] = json!("Atlantis");
    }
    let input = Value::from(items).to_string();
    let report = run_with_input(["submit", "-", "--url", &server.url(), "--user", &user], input.as_bytes()).expect(0);
    for part in [
        "warnings                    3\n",
        "warnings about values that were taken:\n  state: unknown_region in 3 contacts\n",
        "ignored members, which became no field:\n  utm in 1500 contacts\n",
    ] {
        assert!(report.stdout.contains(part), "{part}: {}", report.stdout);
    }
}

#[test]
fn submit_reads_gzip() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("contacts.json.gz").display().to_string();
    let zipped = gzip(contacts("z", 0..700).to_string().as_bytes());
    fs::write(&file, &zipped).expect("a file can be written");
    let url = server.url();
    let report = run(["submit", &file, "--url", &url, "--user", &user]).expect(0).stdout;
    assert!(report.contains("created                   700"), "{report}");
    let again = run_with_input(["submit", "-", "--url", &url, "--user", &user], &zipped).expect(0).stdout;
    assert!(again.contains("unchanged                 700"), "{again}");
    for (bytes, part) in [
        (
            &zipped[..zipped.len() / 2],
            "Standard input cannot be read: it begins like gzip, and is damaged or was cut off",
        ),
        (&b"\xff\xfe[\0]\0"[..], "is not a text in UTF-8"),
        (
            &b"email\nada@example.com\n"[..],
            "Standard input cannot be read: neither its name nor its beginning says how",
        ),
    ] {
        let refused = run_with_input(["submit", "-", "--url", &url, "--user", &user], bytes).expect(2);
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
}

#[test]
fn submit_splits_files_that_exceed_one_request() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("many.json").display().to_string();
    fs::write(&file, contacts("m", 0..10_500).to_string()).expect("a file can be written");
    let report = run(["submit", &file, "--url", &server.url(), "--user", &user]).expect(0).stdout;
    assert_eq!(report.lines().filter(|line| line.starts_with("job ")).count(), 2, "{report}");
    assert!(report.contains("created                 10500"), "{report}");
}

#[test]
fn submitting_a_file_without_contacts_sends_nothing() {
    for empty in ["[]", "{}", " [ ]\n"] {
        let args = ["submit", "-", "--user", "a:b", "--url", "http://127.0.0.1:1"];
        let sent = run_with_input(args, empty.as_bytes()).expect(0);
        assert_eq!(
            (sent.stdout.as_str(), sent.stderr.as_str()),
            ("", "note: Standard input has no contacts, so nothing was sent\n")
        );
    }
}

#[test]
fn numbers_are_said_with_their_nouns() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let args = ["submit", "-", "--url", &server.url(), "--user", &user];
    let said = run_with_input(args, br#"[{"email":"nonsense"}]"#).expect(1);
    for part in [" has 1 contact\n", "1 of 1 contact\n"] {
        assert!(said.stderr.contains(part), "{part}: {}", said.stderr);
    }
    for part in [": 1 contact in ", "\nfailed contact:\n  #0 nonsense (400): email: "] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
}

/// Whoever waits is told for how long, and why.
#[test]
fn waiting_for_a_server_is_said_with_the_reason() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    server.set_limits("acme", &json!({"jobsPerMinute": 1}));
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let url = server.url();
    let args = ["submit", "-", "--url", &url, "--user", &user];
    run_with_input(args, br#"[{"email":"a@example.com"}]"#).expect(0);
    let mut waiting = bulkhead_tests::bulkhead()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    drop(waiting.stdin.take().expect("it was piped").write_all(br#"[{"email":"b@example.com"}]"#));
    let said = BufReader::new(waiting.stderr.take().expect("it was piped")).lines().next();
    let said = said.expect("a line").expect("it is text");
    let (seconds, reason) = said.strip_prefix("waiting ").and_then(|rest| rest.split_once(" s: ")).expect(&said);
    assert!(seconds.parse::<u32>().is_ok_and(|seconds| (1..=60).contains(&seconds)), "{said}");
    assert!(reason.contains("jobs"), "{said}");
    waiting.kill().and_then(|()| waiting.wait()).expect("it can be ended");
}

/// Answers each connection with the same bytes once it has sent something, and ends it. Returns the address.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut some = [0; 4096];
            drop(stream.read(&mut some).and_then(|_| stream.write_all(bytes)));
        }
    });
    address
}

#[test]
fn a_wrong_url_is_told_with_the_right_one() {
    let server = Server::start();
    let plain = server.address().to_string();
    let page = b"HTTP/1.1 400 Bad\r\ncontent-length: 45\r\n\r\nThe plain HTTP request was sent to HTTPS port";
    let moved = b"HTTP/1.1 301 Moved\r\nlocation: https://127.0.0.1:8443/api\r\ncontent-length: 0\r\n\r\n";
    let (alert, page, moved) = (answering(b"\x15\x03\x01\x00\x02\x02\x46"), answering(page), answering(moved));
    for (url, part) in [
        (format!("https://{plain}"), format!("no TLS is spoken there. Give --url http://{plain}")),
        (format!("http://{alert}"), format!("does not speak HTTP. If TLS is spoken there, give --url https://{alert}")),
        (format!("http://{page}"), format!("TLS is spoken there: give --url https://{page}.")),
        (format!("http://{moved}"), String::from("TLS is spoken there: give --url https://127.0.0.1:8443.")),
        (plain.clone(), format!("Give http://{plain}, or https://{plain} if")),
    ] {
        let ended = run_with_input(["submit", "-", "--url", &url, "--user", "a:b"], b"[{}]").expect(2);
        assert!(ended.stderr.contains(&part), "{url}: {part}: {}", ended.stderr);
        for words in ["rustls", "Peer", "protocol:", "io:", "os error"] {
            assert!(!ended.stderr.contains(words), "{url}: {}", ended.stderr);
        }
    }
}
