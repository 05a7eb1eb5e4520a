//! The console in Chromium: the way of a file and an operator's daily path, by axe, without script, by the keyboard, in narrow windows
//! and in the dark.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bulkhead_tests::{ADMIN_TOKEN, Options, Server, WebhookReceiver, component, contacts, target, wait_until};
use serde_json::json;
use tempfile::TempDir;

/// What names the folder of the pictures that docs/console.md shows, to make them anew. Then the charts of the overview get some minutes
/// of work.
const PICTURES: &str = "BULKHEAD_PICTURES";
/// The work for the picture of the overview.
const WORK_FOR_PICTURES: Duration = Duration::from_secs(240);

/// Where pictures go: where somebody wants them, or a folder that is removed again.
struct Pictures {
    folder: PathBuf,
    are_wanted: bool,
    _made: TempDir,
}

impl Pictures {
    fn new() -> Self {
        let made = tempfile::tempdir().expect("there is room for a folder");
        let wanted = std::env::var_os(PICTURES).map(PathBuf::from);
        let folder = wanted.clone().unwrap_or_else(|| made.path().to_owned());
        Self { folder, are_wanted: wanted.is_some(), _made: made }
    }

    #[track_caller]
    fn check(&self, names: &[&str]) {
        for name in names {
            assert!(self.folder.join(format!("{name}.png")).is_file(), "there is no picture of {name}");
        }
    }
}

/// Runs a script that drives a browser. Returns what it tells.
#[track_caller]
fn drive(script: &str, server: &Server, arguments: &[&str]) -> String {
    let tools = target().join("tools/browser");
    for name in [script, "looking.mjs"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser").join(name);
        // Beside its packages. Two tests may do this at a time.
        let copy = tempfile::NamedTempFile::new_in(&tools).expect("scripts/browser-tools makes the folder");
        fs::copy(&file, copy.path()).expect("the script is there");
        copy.persist(tools.join(name)).expect("it can be renamed");
    }
    let output = Command::new(tools.join("node"))
        .arg(tools.join(script))
        .arg(format!("http://{}", server.console_address()))
        .args(arguments)
        .output()
        .expect("scripts/browser-tools gets Node");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    told
}

#[test]
fn a_file_goes_its_way_in_a_browser() {
    let server = Options::default().console().start();
    let tenant = server.add_tenant("harbour-marketing");
    let pictures = Pictures::new();
    let folder = pictures.folder.display().to_string();
    let told = drive("console.mjs", &server, &[&tenant.client_id, &tenant.client_secret, &folder]);
    assert!(told.lines().count() > 30, "{told}");
    pictures.check(&["login", "upload", "map", "check", "result", "undo", "jobs", "map-dark", "map-narrow"]);
}

#[test]
fn an_operator_goes_the_daily_path_in_a_browser() {
    let options = Options::default().operators_console().with("--webhook-allow", "127.0.0.0/8");
    let server = options.with("--workers", 4).start();
    let pictures = Pictures::new();
    let folder = pictures.folder.display().to_string();
    let told = drive("operators.mjs", &server, &[ADMIN_TOKEN, &folder]);
    assert!(told.contains("looked at empty: Servers"), "{told}");

    let [email, rogue] = ["corporate-email", "rogue"].map(|name| component(name).display().to_string());
    server.command_line(&["component", "add", &email, "--name", "corporate-email"]).expect(0);
    server.command_line(&["component", "add", &rogue, "--name", "experiment"]).expect(0);
    let tenant = server.add_tenant("harbour-marketing");
    let client = server.client(&tenant);
    let endpoint = WebhookReceiver::answering("503 Service Unavailable");
    let url = format!("{}&for=example-crm", endpoint.url());
    client.send("POST", "/api/webhooks", &[], &json!({"url": url})).expect(201);
    for name in ["alpine-outdoor", "north-bakery", "old-town-theatre"] {
        server.new_client(name).create(&contacts(name, 0..500)).wait_for("completed");
    }
    let mut items = contacts("fair", 0..2_000);
    let refused = (0..12).map(|number| json!({"email": format!("no-address-{number}")}));
    items.as_array_mut().expect("a list").extend(refused);
    let job = client.create(&items);
    job.wait_for("completed");
    if pictures.are_wanted {
        work_for_pictures(&server);
    }
    // Tenants whose jobs last: each way cancels one.
    let secrets: Vec<String> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| {
            let tenant = server.add_tenant(&format!("experiment-{name}"));
            server.command_line(&["tenant", "set", &tenant.name, "--processor", "experiment"]).expect(0);
            format!("{}:{}", tenant.client_id, tenant.client_secret)
        })
        .collect();
    wait_until("the endpoint's failure", || {
        let printed = server.command_line(&["webhook", "list", "harbour-marketing"]).expect(0).stdout;
        printed.contains("failingSince").then_some(())
    });
    let api = server.url();
    let mut arguments = vec![ADMIN_TOKEN, &folder, &tenant.name, &job.id, &api];
    arguments.extend(secrets.iter().map(String::as_str));
    let told = drive("operators.mjs", &server, &arguments);
    assert!(told.lines().count() > 40, "{told}");
    pictures.check(&[
        "ops-overview",
        "ops-job",
        "ops-tenant",
        "ops-component",
        "ops-overview-dark",
        "ops-tenant-narrow",
    ]);
}

/// Has tenants send jobs for some minutes, in waves.
fn work_for_pictures(server: &Server) {
    let clients = ["river-cinema", "city-library"].map(|name| server.new_client(name));
    let begun = Instant::now();
    let mut wave = 0;
    while begun.elapsed() < WORK_FOR_PICTURES {
        for client in &clients {
            for part in 0..(wave % 7) {
                client.create(&contacts(&format!("w{wave}-{part}"), 0..(1_500 * (1 + wave % 5))));
            }
        }
        let last = clients[0].create(&contacts(&format!("l{wave}"), 0..10));
        last.wait_for("completed");
        wave += 1;
        std::thread::sleep(Duration::from_secs(2));
    }
}
