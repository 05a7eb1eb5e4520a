//! Where options come from: the command line, the environment, the configuration file, files of secrets, defaults.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::{DEADLINE, Finished, Log, Server, ServerProcess, bulkhead, run};
use tempfile::TempDir;

use crate::databases::Database;

const TOKEN: &str = "an-operators-token-for-tests-only";

/// A folder with files for one test.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("there is room for a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file that only its owner can read, and returns its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("a file can be written");
        set_mode(&path, 0o600);
        path.display().to_string()
    }
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Runs `bulkhead` with environment variables.
fn run_with(args: &[&str], variables: &[(&str, &str)]) -> Finished {
    let output = bulkhead().args(args).envs(variables.iter().copied()).output().expect("bulkhead can be started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    Finished { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Returns the line of `config show` about an option.
fn shown(finished: &Finished, name: &str) -> String {
    let is_about = |line: &&str| line.trim_start_matches("# ").split(' ').next() == Some(name);
    finished.stdout.lines().find(is_about).unwrap_or_else(|| panic!("no {name} in {}", finished.stdout)).to_owned()
}

#[test]
fn a_flag_counts_before_a_variable_before_the_file_before_the_default() {
    let desk = Desk::new();
    let file = desk.file(
        "c.toml",
        "# limits\nworkers = 0x3\nlease = 11\n\naccess-log = true\ncors-origin = [\"https://a.example\"]\n",
    );
    let variables =
        [("BULKHEAD_LEASE", "12"), ("BULKHEAD_CONFIG", &*file), ("BULKHEAD_CORS_ORIGIN", "https://b.example")];
    let run = |args: &[&str], variables| run_with(&[&["config", "show"], args].concat(), variables).expect(0);
    for (args, variables, name, line) in [
        (&[][..], &variables[..0], "workers", String::from("# default")),
        (&["--config", &file], &[], "workers", format!("workers = 3  # {file}, line 2")),
        (&[], &variables, "workers", format!("workers = 3  # {file}, line 2")),
        (&["--workers", "5"], &variables, "workers", String::from("workers = 5  # command line")),
        (&["--config", &file], &[], "lease", format!("lease = 11  # {file}, line 3")),
        (&[], &variables, "lease", String::from("lease = 12  # environment BULKHEAD_LEASE")),
        (&["--lease", "13"], &variables, "lease", String::from("lease = 13  # command line")),
        (&["--config", &file], &[], "access-log", format!("access-log = true  # {file}, line 5")),
        (
            &["--config", &file],
            &[("BULKHEAD_ACCESS_LOG", "false")],
            "access-log",
            String::from("access-log = false  # environment BULKHEAD_ACCESS_LOG"),
        ),
        (&["--config", &file], &[], "cors-origin", format!("cors-origin = [\"https://a.example\"]  # {file}, line 6")),
        (
            &[],
            &variables,
            "cors-origin",
            String::from("cors-origin = [\"https://b.example\"]  # environment BULKHEAD_CORS_ORIGIN"),
        ),
        (&[], &[("BULKHEAD_CONFIG", "")], "lease", String::from("lease = 30  # default")),
        (&[], &[], "retention", String::from("retention = 172800  # default")),
        (&[], &[], "component", String::from("# component is not set")),
    ] {
        let line_shown = shown(&run(args, variables), name);
        assert!(line_shown.ends_with(&line), "{args:?} {variables:?}: {line_shown}");
    }
}

#[test]
fn what_config_show_prints_is_a_configuration_file() {
    let desk = Desk::new();
    let args = [
        "config",
        "show",
        "--log",
        "warn,\"x\"=off",
        "--access-log",
        "--trusted-proxy",
        "10.0.0.0/8,::1",
        "--lease",
        "7",
    ];
    let printed = run(args).expect(0).stdout;
    let file = desk.file("printed.toml", &printed);
    let again = run(["config", "show", "--config", &file]).expect(0).stdout;
    let without_origin = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split("  # ").next().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(without_origin(&printed), without_origin(&again));
    assert!(again.contains("trusted-proxy = [\"10.0.0.0/8\", \"::1\"]"), "{again}");
}

#[test]
fn a_file_that_cannot_be_meant_is_refused_with_line_and_key() {
    let desk = Desk::new();
    for (text, said) in [
        ("wrokers = 3", "line 1: there is no option 'wrokers'; do you mean 'workers'?"),
        ("\nadmin_listen = \"x\"", "line 2: there is no option 'admin_listen'; do you mean 'admin-listen'?"),
        ("zzzzzz = 3", "line 1: there is no option 'zzzzzz'; 'bulkhead config show' lists the options"),
        ("config = \"other.toml\"", "line 1: a configuration file cannot name another one"),
        ("draft-contracts = true", "line 1: there is no option 'draft-contracts'"),
        ("[serve]\nlisten = \"127.0.0.1:0\"", "line 1: [serve]: options have no sections"),
        ("workers = \"3\"", "line 1: workers: a whole number is expected, without quotes"),
        ("workers = 3.5", "line 1: workers: a whole number is expected"),
        ("listen = 8080", "line 1: listen: a text in quotes is expected"),
        ("access-log = 1", "line 1: access-log: true or false is expected"),
        ("access-log = \"true\"", "line 1: access-log: true or false is expected"),
        ("trusted-proxy = \"10.0.0.0/8\"", "line 1: trusted-proxy: a list is expected"),
        ("trusted-proxy = [1]", "line 1: trusted-proxy: a list of texts in quotes is expected"),
        ("lease = 3\n\nworkers = 99", "line 3: workers: '99' cannot be used: 99 is not in 1..=32"),
        ("max-body = -1", "line 1: max-body: '-1' cannot be used: this must be a whole number"),
        ("log-format = \"xml\"", "line 1: log-format: 'xml' cannot be used: one of text, json is expected"),
        ("trusted-proxy = [\"x\"]", "line 1: trusted-proxy: 'x' cannot be used: an address, or a network"),
        (
            "listen = \"localhost:1\"",
            "line 1: listen: 'localhost:1' cannot be used: an IP address and a port are expected",
        ),
        ("lease = 3\nlease = 4", "line 2: this is not TOML: "),
        ("workers = 3\nlease = 3\nlease = 4", "; 'lease' is in line 2 already, so delete one of the two"),
        ("user = \"a:b\"", "line 1: there is no option 'user'; 'bulkhead config show' lists the options"),
        ("Listen = \"x\"", "do you mean 'listen'?"),
        ("listen = 127.0.0.1:8080", "; write the text in quotes: listen = \"…\""),
        ("lease = 10s", "; a whole number of seconds is expected, without quotes and without a unit"),
        ("lease = \"10s\"", "lease: a whole number of seconds is expected, without quotes and without a unit"),
        ("max-body = 64MiB", "; a whole number of bytes is expected"),
        ("access-log = yes", "; write access-log = true or access-log = false"),
        ("trusted-proxy = 10.0.0.0/8", "; write a list of texts in quotes: trusted-proxy = [\"…\"]"),
        ("admin-token = hunter2", "; write the text in quotes: admin-token = \"…\""),
        ("data = \"a\"\ndatabase = \"postgres://u:hunter2@h/x\"", "remove one of them"),
        ("admin-token = \"hunter2\nx", "line 2: this is not TOML: "),
        ("admin-listen = \"127.0.0.1:0\"\nadmin-token = \"hunter2\"", "must have at least 32 characters"),
        ("admin-token = \"hunter2\"\nadmin-token-file = \"x\"", "remove one of them"),
    ] {
        let file = desk.file("c.toml", text);
        let refused = run(["config", "show", "--config", &file]).expect(2);
        assert!(refused.stderr.contains(said), "{text}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("remove one")
                || refused.stderr.contains("at least")
                || refused.stderr.contains(&file)
        );
        assert!(!refused.stderr.contains("hunter2") && refused.stdout.is_empty(), "{text}: {}", refused.stderr);
        let data = desk.path("data").display().to_string();
        let tried = run_with(
            &["serve", "--config", &file],
            &[("BULKHEAD_DATA", if text.starts_with("data") { "" } else { &data })],
        );
        tried.expect(2);
        assert!(!desk.path("data").exists(), "{text}: nothing was made");
    }
    let missing = desk.path("missing").display().to_string();
    for (file, said) in [(missing, "there is no such file"), (desk.0.path().display().to_string(), "this is a folder")]
    {
        let refused = run(["tenant", "list", "--config", &file]).expect(2);
        assert!(refused.stderr.contains(&file) && refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn a_file_that_every_user_may_write_or_that_shows_a_secret_is_refused() {
    let desk = Desk::new();
    let secret = format!("lease = 3\nadmin-token = \"{TOKEN}\"");
    for (text, mode, said) in [
        ("lease = 3", 0o644, None),
        ("lease = 3", 0o646, Some("every user can write to this file, so it is not believed; run: chmod o-w ")),
        (&*secret, 0o640, None),
        (&*secret, 0o644, Some("line 2: admin-token is a secret, and every user can read this file; run: chmod o-r ")),
    ] {
        let file = desk.file("c.toml", text);
        set_mode(Path::new(&file), mode);
        let finished = run(["config", "show", "--config", &file]);
        assert_eq!(finished.code, Some(if said.is_some() { 2 } else { 0 }), "{mode:o}: {}", finished.stderr);
        assert!(finished.stderr.contains(said.unwrap_or_default()), "{mode:o}: {}", finished.stderr);
        assert!(!finished.stdout.contains(TOKEN) && !finished.stderr.contains(TOKEN));
    }
}

#[test]
fn a_server_and_the_commands_share_a_configuration_file() {
    let (desk, log) = (Desk::new(), Log::default());
    let data = desk.path("data").display().to_string();
    let token = desk.file("token", &format!("{TOKEN}\n"));
    let file = desk.file(
        "bulkhead.toml",
        &format!("listen = \"127.0.0.1:0\"\ndata = \"{data}\"\nlog-format = \"json\"\nadmin-token-file = \"{token}\"\naccess-log = true\n"),
    );
    run(["tenant", "add", "acme", "--create", "--config", &file]).expect(0);
    let mut command = bulkhead();
    command.args(["serve", "--config", &file, "--admin-listen", "127.0.0.1:0"]);
    let server = ServerProcess::start(command, &log).expect("it starts");
    let admin = server.admin_address().expect("there is a listener for operators");
    let answer =
        ureq::get(format!("http://{admin}/admin/tenants")).header("authorization", format!("Bearer {TOKEN}")).call();
    assert_eq!(answer.expect("the token is the file's").status(), 200);
    log.wait_for(0, DEADLINE, |fields| fields["event"] == "request_answered").expect("the file asks for an access log");
    let listed = run_with(&["tenant", "list"], &[("BULKHEAD_CONFIG", &file)]).expect(0).stdout;
    assert!(listed.contains("acme"), "{listed}");
    assert_eq!(server.terminate().code(), Some(0));
    // Another store on the command line replaces the file's.
    let database = Database::fresh();
    let url = desk.file("url", &format!("{}\r\n", database.url()));
    let on_database = ["--config", &file, "--database-file", &url];
    run([&["tenant", "add", "other", "--create"][..], &on_database].concat()).expect(0);
    let listed = run([&["tenant", "list"][..], &on_database].concat()).expect(0).stdout;
    assert!(listed.contains("other") && !listed.contains("acme"), "{listed}");
}

#[test]
fn secrets_come_from_options_files_and_credentials_and_are_never_shown() {
    let desk = Desk::new();
    let (token, url) =
        (desk.file("admin-token", &format!("{TOKEN}\n")), desk.file("database", "postgres://u:hunter2@h/x"));
    let empty = desk.file("empty", "\n");
    let two = desk.file("two", "hunter2\nhunter3\n");
    let folder = desk.0.path().display().to_string();
    let credentials = [("CREDENTIALS_DIRECTORY", &*folder)];
    let config = desk.file("c.toml", &format!("admin-token-file = \"{token}\"\n"));
    for (args, variables, name, line) in [
        (&["--admin-token-file", &token][..], &[][..], "admin-token", format!("# admin-token = (set)  # file {token}")),
        (
            &[],
            &[("BULKHEAD_ADMIN_TOKEN_FILE", &*token)],
            "admin-token",
            format!("# admin-token = (set)  # file {token}"),
        ),
        (&["--config", &config], &[], "admin-token", format!("# admin-token = (set)  # file {token}")),
        (
            &["--config", &config],
            &[("BULKHEAD_ADMIN_TOKEN", TOKEN)],
            "admin-token",
            String::from("# admin-token = (set)  # environment BULKHEAD_ADMIN_TOKEN"),
        ),
        (&[], &credentials, "admin-token", format!("# admin-token = (set)  # credential {token}")),
        (&["--admin-token", TOKEN], &credentials, "admin-token", String::from("# admin-token = (set)  # command line")),
        (&[], &credentials, "database", format!("# database = (set)  # credential {url}")),
        (&["--data", "x"], &credentials, "database", String::from("# database is not set")),
        (&[], &[], "admin-token", String::from("# admin-token is not set")),
    ] {
        let finished = run_with(&[&["config", "show"], args].concat(), variables).expect(0);
        assert_eq!(shown(&finished, name), line, "{args:?} {variables:?}");
        assert!(!finished.stdout.contains(TOKEN) && !finished.stdout.contains("hunter2"), "{}", finished.stdout);
    }
    let pipe = desk.path("pipe").display().to_string();
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("there is mkfifo").success());
    let blanks = desk.file("blanks", "hunter2 hunter3\n");
    // Blanks and line breaks at the end are the editor's.
    let padded = desk.file("padded", &format!("{TOKEN} \r\n\n"));
    let args = ["config", "show", "--admin-listen", "127.0.0.1:0", "--admin-token-file", &padded];
    assert_eq!(shown(&run(args).expect(0), "admin-token"), format!("# admin-token = (set)  # file {padded}"));
    for token in ["a token with blanks that is long enough", "a-tökén-that-is-long-enough-for-operators"] {
        let args = ["config", "show", "--admin-listen", "127.0.0.1:0"];
        let refused = run_with(&args, &[("BULKHEAD_ADMIN_TOKEN", token)]).expect(2);
        assert!(refused.stderr.contains("has blanks or signs beyond ASCII") && !refused.stderr.contains(token));
    }
    let missing = desk.path("missing").display().to_string();
    for (args, said) in [
        (["--admin-token-file", &missing], format!("--admin-token-file: {missing}: there is no such file")),
        (["--admin-token-file", &empty], format!("{empty}: the file is empty")),
        (["--database-file", &two], format!("--database-file: {two}: a secret is one line")),
        (["--database-file", &folder], String::from("this is a folder")),
        (["--database-file", &blanks], format!("--database-file: {blanks}: a secret has no blanks")),
        (["--admin-token-file", &pipe], format!("--admin-token-file: {pipe}: this is no ordinary file")),
        (["--database-file", &pipe], format!("--database-file: {pipe}: this is no ordinary file")),
        (["--config", &pipe], format!("{pipe}: this is no ordinary file")),
        (["--component", &pipe], format!("--component: {pipe}: this is no ordinary file")),
        (["--component", &token], format!("--component: {token}: this is no WebAssembly component")),
    ] {
        let refused = run([&["serve", "--listen", "127.0.0.1:0"][..], &args].concat()).expect(2);
        assert!(refused.stderr.contains(&said), "{args:?}: {}", refused.stderr);
        assert!(!refused.stderr.contains("hunter"), "{}", refused.stderr);
    }
    let both = run(["config", "show", "--admin-token", TOKEN, "--admin-token-file", &token]).expect(2);
    let said = "both --admin-token (command line) and --admin-token-file (command line) are given; remove one of them";
    assert!(both.stderr.contains(said), "{}", both.stderr);
}

#[test]
fn a_database_that_a_folder_outweighs_is_told() {
    let desk = Desk::new();
    let url = desk.file("database", "postgres://u:hunter2@h/x");
    let file = desk.file("c.toml", &format!("database-file = \"{url}\"\n"));
    let data = desk.path("data").display().to_string();
    let folder = desk.0.path().display().to_string();
    let in_file = desk.file("data.toml", &format!("data = \"{data}\"\n"));
    for (args, variables, named_by, folder_by) in [
        (&["--data", &data, "--config", &file][..], &[][..], format!("{file}, line 1"), String::from("command line")),
        (
            &["--config", &file],
            &[("BULKHEAD_DATA", &*data)],
            format!("{file}, line 1"),
            String::from("environment BULKHEAD_DATA"),
        ),
        (
            &["--data", &data],
            &[("CREDENTIALS_DIRECTORY", &*folder)],
            format!("credential {url}"),
            String::from("command line"),
        ),
        (
            &["--config", &in_file],
            &[("CREDENTIALS_DIRECTORY", &*folder)],
            format!("credential {url}"),
            format!("{in_file}, line 1"),
        ),
        (&["--data", &data], &[], String::new(), String::new()),
    ] {
        let log = Log::default();
        let mut command = bulkhead();
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).args(args);
        command.envs(variables.iter().copied());
        let server = ServerProcess::start(command, &log).expect("it starts");
        assert_eq!(server.terminate().code(), Some(0));
        let told = log
            .wait_for(0, DEADLINE, |fields| fields["event"] == "shutdown_finished")
            .map(|_| log.events("database_not_used"));
        let told = told.expect("the server ends");
        let expected = usize::from(!named_by.is_empty());
        assert_eq!(told.len(), expected, "{args:?} {variables:?}");
        for event in told {
            assert_eq!(
                (event["named_by"].as_str(), event["folder_by"].as_str()),
                (Some(&*named_by), Some(&*folder_by))
            );
        }
    }
    let both = run(["serve", "--data", &data, "--database-file", &url]).expect(2);
    assert!(both.stderr.contains("--database-file"), "{}", both.stderr);
}

#[test]
fn submit_takes_its_credentials_from_a_file() {
    let (desk, server) = (Desk::new(), Server::start());
    let tenant = server.add_tenant("acme");
    let (client_id, secret) = (&tenant.client_id, &tenant.client_secret);
    let (user, contacts) =
        (desk.file("user", &format!("{client_id}:{secret}\n")), desk.file("c.json", "[{\"email\":\"a@example.com\"}]"));
    let folder = desk.0.path().display().to_string();
    let submit = ["submit", &contacts, "--url", &server.url()];
    run([&submit[..], &["--user-file", &user]].concat()).expect(0);
    run_with(&submit, &[("CREDENTIALS_DIRECTORY", &folder)]).expect(0);
    run_with(&submit, &[]).expect(2);
}
