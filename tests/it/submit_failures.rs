//! `bulkhead submit --failures`: the file of what failed, and how it is sent again.

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use bulkhead_tests::{Options, Server, bulkhead, wait_until};
use serde_json::Value;

use crate::submit_files::{Desk, assert_counts};

#[test]
fn a_job_that_was_cancelled_comes_back_as_failures() {
    let desk = Desk::new(Options::default().rogue().with("--workers", 1).start());
    desk.server.allow_long_calls("acme");
    let mut table = "email,do\n".to_owned();
    for number in 0..8_000 {
        writeln!(table, "c{number}@example.com,{}", if number % 4 == 0 { "slow" } else { "" }).expect("memory");
    }
    let (file, failed) = (desk.file("many.csv", table), desk.path("failed.csv"));
    let submitting = bulkhead()
        .args(desk.args(&file, &["--failures", &failed]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    wait_until("some contacts", || (desk.server.database().half_done() == 1).then_some(()));
    let listed = desk.server.command_line(&["job", "list", "--unfinished"]).expect(0).stdout;
    let job: Value = serde_json::from_str(&listed).expect("one job");
    desk.server.command_line(&["job", "cancel", job["id"].as_str().expect("an id")]).expect(0);
    let ended = submitting.wait_with_output().expect("it ends");
    let report = String::from_utf8(ended.stdout).expect("text");
    assert_eq!(ended.status.code(), Some(1), "{report}");
    let count = |name: &str| {
        let line =
            report.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {report}"));
        line.trim().parse::<usize>().expect("a number")
    };
    assert_eq!(count("created ") + count("not processed "), 8_000, "{report}");
    let rows = fs::read_to_string(&failed).expect("a file");
    assert_eq!(rows.lines().count(), count("not processed ") + 1);
}

/// The summary prints the command that sends the file of failures again, and it works as it is.
#[test]
fn failures_are_sent_again_by_the_printed_command() {
    let desk = Desk::new(Server::start());
    let mapping = desk.file("it's a mapping.json", r#"{"Mail, private":"email","Wie":"firstname"}"#);
    let mapping = format!("@{mapping}");
    for (name, failed, bytes, options) in [
        (
            "a.csv",
            "failed a.csv",
            "\"Mail, private\";Wie\nnonsense;A\n",
            &["--mapping", &mapping, "--mode", "create"][..],
        ),
        ("b.txt", "failed.tsv", "Mail, private\tWie\nnonsense\tB\n", &["--format", "tsv", "--mapping", &mapping]),
        (
            "c.csv",
            "failed-c.csv",
            "nonsense^C\n",
            &["--header", "absent", "--mapping", r#"{"1":"email","2":"firstname"}"#, "--delimiter", "^"],
        ),
        (
            "d.csv",
            "failed-d.csv",
            "nonsense;D\n",
            &["--header", "absent", "--mapping", r#"{"1":"email","2":"firstname"}"#],
        ),
        ("e.json", "failed.ndjson", r#"{"k":{"email":"nonsense","firstname":"E"}}"#, &[]),
        ("f.jsonl", "failed-f.ndjson", r#"{"email":"nonsense","firstname":"F"}"#, &[]),
    ] {
        let (file, failed) = (desk.file(name, bytes), desk.path(failed));
        let report = desk.submit(&file, &[options, &["--failures", failed.as_str()]].concat()).expect(1).stdout;
        let command = report.lines().last().expect("lines").trim();
        let (id, secret) = desk.user.split_once(':').expect("two parts");
        assert!(command.contains(&format!("--user {id}:SECRET")) && !report.contains(secret), "{command}");
        let rows = fs::read_to_string(&failed).expect("a file");
        fs::write(&failed, rows.replace("nonsense", &format!("{}@example.com", &name[..1])))
            .expect("it can be corrected");
        let command = command.replacen("bulkhead", "\"$PROGRAM\"", 1).replace(":SECRET", &format!(":{secret}"));
        let again = Command::new("sh").args(["-c", &command]).env("PROGRAM", bulkhead().get_program()).output();
        let again = again.expect("there is a shell");
        let said = String::from_utf8_lossy(&again.stdout);
        assert_eq!(again.status.code(), Some(0), "{command}: {}", String::from_utf8_lossy(&again.stderr));
        assert_counts(&said, [("created", 1), ("updated", 0), ("failed", 0)]);
    }
    let names: Vec<Value> = ["A", "B", "C", "D", "E", "F"].map(Value::from).into();
    let stored = desk.server.database().documents();
    for name in &names {
        assert!(stored.iter().any(|(_, document)| document.contains(&name.to_string())), "{name}: {stored:?}");
    }
}

/// Excel opens the file of failures as it opened the file from which they come.
#[test]
fn a_file_of_failures_has_a_mark_where_the_file_had_one() {
    let desk = Desk::new(Server::start());
    let failed = desk.path("failed.csv");
    let utf16: Vec<u8> = "\u{feff}email,phone\nJörg,+49\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, options, begin) in [
        ("email,phone\nJörg,+49\n".as_bytes(), &[][..], "email,phone,bulkhead:status"),
        ("\u{feff}email,phone\nJörg,+49\n".as_bytes(), &[], "\u{feff}email,phone,bulkhead:status"),
        (b"email,phone\nJ\xf6rg,+49\n", &["--charset", "windows-1252"], "\u{feff}email,phone,bulkhead:status"),
        (&utf16, &[], "\u{feff}email,phone,bulkhead:status"),
        ("email,phone\nJörg,+49\n".as_bytes(), &["--excel"], "\u{feff}email,phone,bulkhead:status"),
    ] {
        let file = desk.file("people.csv", bytes);
        desk.submit(&file, &[options, &["--failures", failed.as_str()]].concat()).expect(1);
        let rows = fs::read_to_string(&failed).expect("a file");
        assert!(rows.starts_with(begin), "{options:?}: {rows}");
        let phone = if options == ["--excel"] { "\r\nJörg,'+49,400," } else { "\r\nJörg,+49,400," };
        assert!(rows.contains(phone), "{options:?}: {rows}");
    }
    desk.submit(&desk.path("people.csv"), &["--excel"]).expect(2);
}
