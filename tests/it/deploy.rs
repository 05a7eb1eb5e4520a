//! What is shipped beside the server: alerts, a dashboard, a service, a proxy. Each is checked by the tool that will read it.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bulkhead_tests::{Client, DEADLINE, Options, contacts, deploy_tool, run, wait_until};
use serde_json::Value;

const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy");
const OPERATING: &str = include_str!("../../docs/operating.md");

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(DEPLOY).join(file)).expect("the file is there")
}

/// Runs a tool in a folder of `deploy/`.
#[track_caller]
fn check(tool: &Path, folder: &str, args: &[&str]) -> String {
    let output = Command::new(tool).current_dir(Path::new(DEPLOY).join(folder)).args(args).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

#[test]
fn alerts_are_right_and_fire_when_they_should() {
    let promtool = deploy_tool("promtool");
    check(&promtool, "prometheus", &["check", "rules", "--lint-fatal", "bulkhead.rules.yml"]);
    check(&promtool, "prometheus", &["test", "rules", "bulkhead.rules.test.yml"]);
    let (rules, tests) = (read("prometheus/bulkhead.rules.yml"), read("prometheus/bulkhead.rules.test.yml"));
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.matches(alert).count() >= 2, "no test says when {alert} fires and when it does not");
    }
}

/// Returns the names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let words = text.split(|character| !is_part(character));
    words
        .filter(|word| ["bulkhead_", "process_", "http_server_"].iter().any(|prefix| word.starts_with(prefix)))
        .map(|word| ["_bucket", "_count", "_sum"].iter().find_map(|ending| word.strip_suffix(ending)).unwrap_or(word))
        .collect()
}

/// The names in the table of the documentation are those that a server tells: see `metrics.rs`.
#[test]
fn alerts_and_dashboard_use_metrics_that_there_are() {
    let section = OPERATING.split("## Metrics").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a section");
    let documented = metrics_in(section);
    let dashboard = read("grafana/bulkhead.json");
    for (file, text) in [("the rules", read("prometheus/bulkhead.rules.yml")), ("the dashboard", dashboard.clone())] {
        let unknown: Vec<_> = metrics_in(&text).difference(&documented).copied().map(str::to_owned).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    let shown = metrics_in(&dashboard);
    let not_shown: Vec<_> = documented.difference(&shown).collect();
    assert!(not_shown.is_empty(), "the dashboard shows nothing of {not_shown:?}");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let promtool = deploy_tool("promtool");
    let mut rules = String::from("groups:\n  - name: panels\n    rules:\n");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64()), "two panels have the id {}", panel["id"]);
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a query").replace("$__rate_interval", "5m");
            assert!(panel["description"].as_str().is_some_and(|text| !text.is_empty()), "{panel}");
            rules += &format!("      - record: panel:{}:query\n        expr: {}\n", ids.len(), Value::from(query));
        }
    }
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("panels.yml");
    fs::write(&file, rules).expect("a file can be written");
    check(&promtool, "grafana", &["check", "rules", file.to_str().expect("a text")]);
}

/// systemd rates how much the service could do beyond what it needs: 0 is nothing, 10 is everything.
#[cfg(target_os = "linux")]
#[test]
fn the_service_can_do_little() {
    let analyze = Path::new("systemd-analyze");
    check(analyze, "systemd", &["security", "--offline=true", "--threshold=15", "bulkhead.service"]);
    let unit = read("systemd/bulkhead.service");
    let settings: Vec<&str> = unit.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(
        !settings.iter().any(|line| line.starts_with("MemoryDenyWriteExecute")),
        "compiled components are machine code"
    );
    // The command is there once the server is installed.
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let copy = folder.path().join("bulkhead.service");
    fs::write(&copy, unit.replace("/usr/bin/bulkhead", "/bin/true")).expect("a file can be written");
    let told = check(analyze, "systemd", &["verify", "--man=no", copy.to_str().expect("a text")]);
    assert!(!told.contains("bulkhead.service"), "{told}");
}

/// An option in the command of the service would count before the configuration file and before credentials.
#[test]
fn the_configuration_file_of_the_service_has_each_option_as_a_comment() {
    let unit = read("systemd/bulkhead.service");
    assert!(
        unit.contains("\nExecStart=/usr/bin/bulkhead serve\n"),
        "options of the service are in its configuration file"
    );
    let file = read("bulkhead.toml");
    assert!(file.lines().all(|line| line.is_empty() || line.starts_with('#')), "nothing is set");
    // `#name = value` is an option, and `# Text` says what it does.
    let options =
        file.lines().filter_map(|line| line.strip_prefix('#').filter(|rest| rest.starts_with(char::is_alphabetic)));
    let options: Vec<&str> = options.collect();
    let name = |option: &str| option.split(" = ").next().unwrap_or_default().to_owned();
    let shown = run(["config", "show"]).expect(0).stdout;
    let known: BTreeSet<String> =
        shown.lines().map(|line| name(line.trim_start_matches("# ").trim_end_matches(" is not set"))).collect();
    let listed: BTreeSet<String> = options.iter().map(|option| name(option)).collect();
    assert_eq!(listed, known, "deploy/bulkhead.toml lists the options of 'bulkhead serve'");
    // Some depend on the machine, and the unit names the folder for compiled components.
    let depend = ["workers", "guest-memory", "cache"];
    for line in shown.lines().filter(|line| !depend.contains(&&*name(line))) {
        if let Some(default) = line.strip_suffix("  # default").filter(|line| !line.starts_with('#')) {
            assert!(options.contains(&default), "deploy/bulkhead.toml shows another default than: {default}");
        }
    }
    // Each line is accepted, but for files that are not there, and of two alternatives one.
    let is_left_out =
        |name: &str| ["data", "database", "admin-", "tls-", "component"].iter().any(|part| name.starts_with(part));
    let is_usable = |option: &&&str| !is_left_out(&name(option));
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let set = folder.path().join("bulkhead.toml");
    let lines: Vec<&str> = options.iter().filter(is_usable).copied().collect();
    fs::write(&set, lines.join("\n")).expect("a file can be written");
    let shown = run(["config", "show", "--config", set.to_str().expect("a text")]).expect(0).stdout;
    assert_eq!(shown.matches("bulkhead.toml, line ").count(), lines.len());
}

/// What `Type=notify` and `WatchdogSec` wait for.
#[test]
fn the_service_manager_hears_of_the_server() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket can be made");
    socket.set_read_timeout(Some(DEADLINE)).expect("a time can be set");
    let options = Options::default().variable("NOTIFY_SOCKET", path.display()).variable("WATCHDOG_USEC", 100_000);
    let mut server = options.start();
    let next = || {
        let mut buffer = [0; 1_024];
        let length = socket.recv(&mut buffer).expect("the server says something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let ready = next();
    assert!(ready.starts_with("READY=1\nSTATUS=serving at http://127.0.0.1:"), "{ready}");
    assert_eq!([next(), next(), next()], ["WATCHDOG=1"; 3]);
    server.terminate();
    let last = std::iter::repeat_with(next).find(|state| state != "WATCHDOG=1");
    assert_eq!(last.as_deref(), Some("STOPPING=1"));
}

struct Proxy(Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The recipe for Caddy, run by Caddy.
#[test]
fn a_proxy_names_its_clients_and_passes_everything_on() {
    let server = Options::default().with("--trusted-proxy", "127.0.0.1").flag("--access-log").start();
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free");
    let child = Command::new(deploy_tool("caddy"))
        .args(["run", "--adapter", "caddyfile", "--config"])
        .arg(Path::new(DEPLOY).join("caddy/Caddyfile"))
        .env("BULKHEAD_SITE", format!("http://{free}"))
        .env("BULKHEAD_UPSTREAM", server.address().to_string())
        .env("CADDY_ADMIN", format!("unix/{}", folder.path().join("admin").display()))
        .env("XDG_DATA_HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Caddy can be started");
    let _proxy = Proxy(child);
    wait_until("the proxy to listen", || std::net::TcpStream::connect(free).ok());
    let tenant = server.add_tenant("acme");
    let client = Client::with_timeout(format!("http://{free}"), Some(tenant.authorization()), DEADLINE);
    let job = client.create(&contacts("c", 0..10_000));
    assert_eq!(job.finished()["created"], 10_000);
    let forged = [("x-forwarded-for", "203.0.113.9")];
    client.call("GET", "/api/contacts?limit=1", &forged, &[]).expect(200);
    let reply = client.get(&format!("/api/contacts/job/{}/events", job.id)).expect(200);
    assert!(reply.text().contains("event: end"), "{}", reply.text());
    wait_until("the requests to be logged", || {
        let entries = server.log_entries(0);
        let lists =
            entries.iter().filter(|entry| entry["event"] == "request_answered" && entry["path"] == "/api/contacts");
        // The proxy replaces what its client says of itself.
        lists.clone().any(|entry| entry["client"] == "127.0.0.1").then_some(())
    });
}
