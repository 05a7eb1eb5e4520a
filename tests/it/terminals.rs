//! What guests, clients and files choose reaches no terminal raw: no control characters, no forged lines, no endless lines.

use std::fs;

use bulkhead_tests::{Log, Server, ServerProcess, Terminal, bulkhead, component, component_file, run};
use serde_json::{Value, json};

/// Bytes of a log line at most, with its end.
const MAX_LINE_BYTES: usize = (16 << 10) + 1;
/// What the component `rogue` prints on demand begins like this in its forged line.
const FORGED: &str = "bulkhead: forged";

#[test]
fn commands_show_what_components_print_escaped() {
    let server = Server::start();
    let rogue = component("rogue").display().to_string();
    let items = file(&server, "items.json", &json!([{"email": "a@example.com", "do": "escape"}]));
    let tried = run(["component", "try", &rogue, &items]).expect(1);
    let shown = [&tried.stdout, &tried.stderr].map(|text| assert_plain(text));
    assert!(shown.iter().any(|text| text.contains(r"\u{1b}]0;title\u{7}\u{1b}[31m\u{9b}2J")), "{}", tried.stderr);
    for line in tried.stdout.lines() {
        let row: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let printed = row["printed"].as_str().unwrap_or_default();
        assert!(printed.is_empty() || printed.contains("\u{9b}2J\n"), "escaping changes nothing: {printed:?}");
    }
    let cases = file(
        &server,
        "cases.json",
        &json!([{"name": "a \u{1b}[2J case", "contacts": [{"email": "a@example.com", "do": "escape"}],
                 "expect": [201]}]),
    );
    let tested = run(["component", "test", &rogue, &cases]).expect(1);
    assert!(assert_plain(&tested.stdout).contains(r"a \u{1b}[2J case"), "{}", tested.stdout);
}

#[test]
fn a_jobs_log_is_shown_escaped() {
    let server = bulkhead_tests::Options::default().rogue().start();
    let client = server.new_client("acme");
    let job = client.create(&json!([{"email": "a@example.com", "do": "escape"}]));
    assert_eq!(job.codes(), [500]);
    let shown = server.job_log(&job.id);
    // All of the output is the component's, so its lines are kept.
    assert_eq!(shown.chars().find(|letter| is_obeyed(*letter)), None, "{shown:?}");
    assert!(shown.contains(r"\u{1b}]0;title\u{7}\u{1b}[31m\u{9b}2J"), "{shown}");
    assert!(shown.contains(r"forged\u{d}\u{202e}desrever\u{200b}"), "{shown}");
}

/// A file of results has what clients sent. A terminal gets it escaped, a file or a program as it is.
#[test]
fn an_exported_job_reaches_a_terminal_escaped() {
    let server = Server::start();
    let client = server.new_client("acme");
    let evil = "x\u{1b}]0;title\u{7}\u{9b}2J\r\u{202e}";
    let job = client.create(&json!([{"email": evil, "firstname": "plain ä 日本"}]));
    assert_eq!(job.codes(), [400]);
    let data = server.data().display().to_string();
    for format in ["csv", "ndjson"] {
        let args = ["job", "export", &job.id, "--only", "failed", "--format", format, "--data", &data];
        let raw = run(args).expect(0).stdout;
        assert!(raw.contains("\u{9b}2J") && raw.contains('\u{202e}'), "{raw:?}");
        let (code, shown) = Terminal::run(args).end();
        assert_eq!(code, Some(0), "{shown}");
        assert!(assert_plain(&shown).contains(r"\u{9b}2J"), "{shown}");
        assert!(shown.contains("plain ä 日本") && shown.contains("bulkhead:status"), "{shown}");
    }
}

#[test]
fn errors_quote_names_and_files_escaped() {
    let server = Server::start();
    let evil = "x\u{1b}]0;title\u{7}\nbulkhead: forged\u{202e}";
    let folder = server.scratch(evil);
    fs::create_dir(&folder).expect("a folder can be made");
    let missing = folder.join("missing").display().to_string();
    fs::write(folder.join("file"), "text").expect("a file can be written");
    let text = folder.join("file").display().to_string();
    let data = server.data().display().to_string();
    let control_start = component_file("control-start.wasm").display().to_string();
    for args in [
        &["component", "check", &missing][..],
        &["component", "check", &text],
        &["component", "check", &control_start],
        &["component", "add", &text, "--data", &data],
        &["component", "add", &control_start, "--data", &data],
        &["component", "show", evil, "--data", &data],
        &["component", "try", &text, &missing],
        &["component", "test", &text, &missing],
        &["tenant", "add", "acme", "--profile", &text, "--data", &data],
        &["tenant", "list", "--data", &text],
        &["tenant", "add", evil, "--data", &data],
        &["job", "log", evil, "--data", &data],
        &["backup", &missing, "--data", &missing],
        &["submit", &missing, "--user", "a:b"],
        &["submit", &missing, "--user", evil, "--url", evil],
        &["serve", "--listen", evil],
        &[evil],
    ] {
        let ended = run(args).expect(2);
        assert_plain(&ended.stderr);
        assert_plain(&ended.stdout);
    }
}

#[test]
fn the_text_log_has_no_control_characters_and_no_forged_lines() {
    let (server, log, folder) = server_with(&["--log-format", "text", "--log", "bulkhead=debug"]);
    let data = folder.path().display().to_string();
    let tenant = bulkhead_tests::Tenant::parse(&run(["tenant", "add", "acme", "--data", &data]).expect(0).stdout);
    let url = format!("{}/api/contacts/batch/new", server.url());
    let reply = ureq::post(&url)
        .header("authorization", tenant.authorization())
        .content_type("application/json")
        .send(json!([{"email": "a@example.com", "do": "escape"}]).to_string());
    assert!(reply.is_ok(), "{reply:?}");
    server.terminate();
    let text = log.text();
    assert!(text.contains("component_failed") && text.contains(r"\u{9b}2J"), "{text}");
    assert_plain(&text);
}

#[test]
fn a_log_line_has_a_largest_size() {
    for format in ["text", "json"] {
        let (server, log, _folder) = server_with(&["--log-format", format, "--log", "bulkhead=debug"]);
        let path = "x".repeat(50_000);
        drop(ureq::get(&format!("{}/{path}", server.url())).call());
        server.terminate();
        let text = log.text();
        let line = text.lines().find(|line| line.contains("request_answered")).expect("it is logged");
        assert!(line.len() <= MAX_LINE_BYTES && line.contains("cut"), "{} bytes: {line:.100}", line.len());
        assert!(text.lines().all(|line| line.len() <= MAX_LINE_BYTES));
        if format == "json" {
            let entry: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(
                (&entry["fields"]["method"], &entry["fields"]["status"]),
                (&json!("GET"), &json!(401)),
                "{line}"
            );
            assert!(entry["cut"].as_u64() > Some(50_000), "{line}");
        }
    }
}

/// Starts a server on a new folder with the component `rogue`, and follows its log.
fn server_with(args: &[&str]) -> (ServerProcess, Log, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut command = bulkhead();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path());
    command.arg("--component").arg(component("rogue")).args(args);
    let log = Log::default();
    let server = ServerProcess::start(command, &log).unwrap_or_else(|error| panic!("{error}"));
    (server, log, folder)
}

fn file(server: &Server, name: &str, content: &Value) -> String {
    let path = server.scratch(name);
    fs::write(&path, content.to_string()).expect("a file can be written");
    path.display().to_string()
}

/// Checks that a terminal only prints a text, and that no line of it is forged. Returns the text.
#[track_caller]
fn assert_plain(text: &str) -> &str {
    assert_eq!(text.chars().find(|letter| is_obeyed(*letter)), None, "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with(FORGED)), "{text}");
    text
}

/// Returns whether a terminal obeys or hides a character.
fn is_obeyed(letter: char) -> bool {
    letter != '\n' && letter != '\t' && (letter.is_control() || matches!(letter, '\u{200b}' | '\u{202e}' | '\u{feff}'))
}
