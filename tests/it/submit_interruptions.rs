//! `bulkhead submit`: what it says when it is interrupted or loses its server, and how it goes on.

use std::fs;
use std::io::Read as _;
use std::process::{Command, Stdio};

use bulkhead_tests::{CTRL_C, Options, Server, Terminal, contacts, run, slow_contacts, wait_until};

#[test]
fn a_submission_that_the_server_does_not_know_is_not_resumed() {
    let server = Server::start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("contacts.json").display().to_string();
    fs::write(&file, contacts("c", 0..20).to_string()).expect("a file can be written");
    let url = server.url();
    let unknown = "8f14e45f-ceea-467f-9b6a-0d2f3b8d3c11";
    for operation in ["create", "replace", "update"] {
        let args = ["submit", &file, "--url", &url, "--user", &user, "--operation", operation, "--resume", unknown];
        for _ in 0..2 {
            let refused = run(args).expect(2);
            for part in [unknown, "knows no submission", "nothing was sent", "Leave out --resume"] {
                assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
            }
            assert_eq!(refused.stdout, "");
        }
    }
    assert_eq!((server.database().jobs(), server.database().contacts()), (0, 0));
    // Another tenant's submission is none of this one.
    let other = server.new_client("other");
    let key = format!("{unknown}-0");
    other.accepted(&other.send("POST", "/api/contacts/bulk/new", &[("idempotency-key", &key)], &contacts("c", 0..20)));
    let args = ["submit", &file, "--url", &url, "--user", &user, "--resume", unknown];
    assert!(run(args).expect(2).stderr.contains("knows no submission"));
    // With the tenant's own, the job that was accepted is read again.
    let client = server.client(&tenant);
    let job = client.accepted(&client.send(
        "POST",
        "/api/contacts/bulk/new",
        &[("idempotency-key", &key)],
        &contacts("c", 0..20),
    ));
    job.wait_for("completed");
    let resumed = run(args).expect(0).stdout;
    assert!(resumed.contains(&format!("job {}: 20 contacts in", job.id)), "{resumed}");
    assert_eq!(server.database().jobs(), 2);
}

/// A job that was accepted before took the time that the server says, not the time that it was watched.
#[test]
fn a_resumed_job_has_the_time_that_it_took() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let items = slow_contacts("s", 0..4_000);
    let file = server.scratch("contacts.json").display().to_string();
    fs::write(&file, items.to_string()).expect("a file can be written");
    let client = server.client(&tenant);
    let id = "8f14e45f-ceea-467f-9b6a-0d2f3b8d3c11";
    let key = format!("{id}-0");
    let job = client.accepted(&client.send("POST", "/api/contacts/bulk/new", &[("idempotency-key", &key)], &items));
    let full = job.finished();
    let args = ["submit", &file, "--url", &server.url(), "--user", &user, "--resume", id];
    let resumed = run(args).expect(0).stdout;
    let moment = |name: &str| {
        let text = full[name].as_str().unwrap_or_default().to_owned();
        let clock = text.split('T').nth(1).and_then(|time| time.split('+').next()).unwrap_or_default().to_owned();
        clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap_or_default())
    };
    // Midnight may be between the two.
    let took = (moment("finishedAt") - moment("createdAt")).rem_euclid(86_400);
    let told = resumed.split("contacts in ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    assert!(told.parse::<f64>().is_ok_and(|told| told >= took as f64), "{took} s: {resumed}");
}

#[test]
fn an_interrupted_submission_says_what_runs_on_and_can_be_resumed() {
    let server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("many.json").display().to_string();
    fs::write(&file, slow_contacts("m", 0..12_000).to_string()).expect("a file can be written");
    let url = server.url();
    let args = ["submit", &file, "--url", &url, "--user", &user];
    let mut submitting = bulkhead_tests::bulkhead()
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    wait_until("some contacts", || (server.database().half_done() == 1).then_some(()));
    let sent = Command::new("kill").args(["-INT", &submitting.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
    let mut said = String::new();
    submitting.stderr.take().expect("it was piped").read_to_string(&mut said).expect("it is text");
    assert_eq!(submitting.wait().expect("it ends").code(), Some(130), "{said}");
    for part in ["interrupted", "sent: 10000 of 12000 contacts, in 1 job\n", "runs on at the server", "DELETE /api/"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let id = said.split("--resume ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id").to_owned();
    let resumed = run(args.iter().chain(&["--resume", &id])).expect(0).stdout;
    assert!(resumed.contains("created                 12000"), "{resumed}");
    let database = server.database();
    assert_eq!((database.jobs(), database.contacts_in_version(1)), (2, 12_000), "nothing was sent twice");
    let refused = run(args.iter().chain(&["--resume", "nonsense"])).expect(2);
    assert!(refused.stderr.contains("not the id of a submission"), "{}", refused.stderr);
}

/// On a terminal, Ctrl-C asks whether to cancel the job that runs; anything but yes leaves it running.
#[test]
fn ctrl_c_on_a_terminal_asks_whether_to_cancel() {
    for (answer, is_cancelled) in [("y\n", true), ("\n", false), (CTRL_C, false)] {
        let server = Options::default().rogue().with("--workers", 1).start();
        let tenant = server.add_tenant("acme");
        let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
        let file = server.scratch("many.json").display().to_string();
        fs::write(&file, slow_contacts("m", 0..8_000).to_string()).expect("a file can be written");
        let url = server.url();
        let args = ["submit", &file, "--url", &url, "--user", &user];
        let mut terminal = Terminal::run(args);
        wait_until("some contacts", || (server.database().half_done() == 1).then_some(()));
        terminal.type_in(CTRL_C);
        terminal.wait_for("and keep what it did? [y/N] ");
        terminal.type_in(answer);
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(130), "{shown}");
        assert!(shown.contains("sent: 8000 of 8000 contacts, in 1 job\n"), "{shown}");
        let state =
            if is_cancelled { " is cancelled; what it did stays" } else { " runs on at the server; when last polled" };
        assert!(shown.contains(state), "{answer:?}: {shown}");
        assert_eq!(shown.contains("bulkhead job cancel "), !is_cancelled, "{shown}");
        let id = shown.split("--resume ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an id");
        let resumed = run(args.iter().chain(&["--resume", id]));
        assert_eq!(resumed.code, Some(i32::from(is_cancelled)), "{}", resumed.stderr);
        assert_eq!(resumed.stdout.contains("not processed"), is_cancelled, "{}", resumed.stdout);
        assert_eq!(server.database().jobs(), 1, "nothing was sent twice");
    }
}

/// A submission that a broken connection ends can be resumed like one that was interrupted.
#[test]
fn a_submission_that_loses_its_server_says_how_to_go_on() {
    let mut server = Options::default().rogue().with("--workers", 1).start();
    let tenant = server.add_tenant("acme");
    let user = format!("{}:{}", tenant.client_id, tenant.client_secret);
    let file = server.scratch("many.json").display().to_string();
    fs::write(&file, slow_contacts("m", 0..8_000).to_string()).expect("a file can be written");
    let (url, port) = (server.url(), server.address().port());
    let submitting = bulkhead_tests::bulkhead()
        .args(["submit", &file, "--url", &url, "--user", &user])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    wait_until("some contacts", || (server.database().half_done() == 1).then_some(()));
    server.kill9();
    let ended = submitting.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("no server answers at http://127.0.0.1:{port}")), "{said}");
    server.restart();
    let id = said.split("to go on: run the same command with --resume ").nth(1).expect("how to go on");
    let id = id.split_whitespace().next().expect("an id");
    let url = server.url();
    let resumed = run(["submit", &file, "--url", &url, "--user", &user, "--resume", id]).expect(0).stdout;
    assert!(resumed.contains("created                  8000"), "{resumed}");
    assert_eq!(server.database().jobs(), 1, "nothing was sent twice");
}
