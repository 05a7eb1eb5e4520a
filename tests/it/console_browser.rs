//! The console in Chromium: the way of a file, by axe, without script, by the keyboard, in narrow windows and in the dark.

use std::fs;
use std::path::Path;
use std::process::Command;

use bulkhead_tests::{Options, target};

/// What names the folder of the pictures that docs/console.md shows, to make them anew.
const PICTURES: &str = "BULKHEAD_PICTURES";

#[test]
fn a_file_goes_its_way_in_a_browser() {
    let server = Options::default().console().start();
    let tenant = server.add_tenant("harbour-marketing");
    let tools = target().join("tools/browser");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/console.mjs");
    let copy = tools.join("console.mjs");
    // Beside its packages.
    fs::copy(&script, &copy).expect("scripts/browser-tools makes the folder");
    let made = tempfile::tempdir().expect("there is room for a folder");
    let folder = std::env::var_os(PICTURES).map_or_else(|| made.path().to_owned(), Into::into);
    let output = Command::new(tools.join("node"))
        .arg(&copy)
        .arg(format!("http://{}", server.console_address()))
        .args([&tenant.client_id, &tenant.client_secret])
        .arg(&folder)
        .output()
        .expect("scripts/browser-tools gets Node");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.lines().count() > 30, "{told}");
    for picture in ["login", "upload", "map", "check", "result", "undo", "jobs", "map-dark", "map-narrow"] {
        assert!(folder.join(format!("{picture}.png")).is_file(), "there is no picture of {picture}");
    }
}
