//! Compiled components on disk are machine code: a file that another user could have written is compiled again and never loaded.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::{Options, Server, bulkhead, component};
use serde_json::json;

use crate::databases::Database;

type Tampering = fn(&Path);

/// In place of a reason: the checksum tells that the file is damaged.
const DAMAGED: &str = "";

/// Ways of tampering with the files, and the reason in the log.
const TAMPERINGS: [(&str, &str, Tampering); 8] = [
    ("truncated", DAMAGED, |file| {
        let bytes = fs::read(file).expect("it can be read");
        fs::write(file, &bytes[..bytes.len() / 2]).expect("it can be written");
    }),
    ("other bytes", DAMAGED, |file| fs::write(file, b"not machine code").expect("it can be written")),
    ("of another engine's version", DAMAGED, |file| {
        let mut bytes = fs::read(file).expect("it can be read");
        // The header names the engine's version: a length and the number. Files of components that this server does not
        // need are still as the earlier tamperings left them.
        let head = &mut bytes[..200.min(fs::metadata(file).map_or(0, |file| file.len() as usize))];
        let Some(place) = head.windows(3).position(|window| window == b"\x0248") else { return };
        head[place + 2] = b'7';
        fs::write(file, bytes).expect("it can be written");
    }),
    ("a named pipe", "is no ordinary file", |file| {
        fs::remove_file(file).expect("it can be removed");
        let made = Command::new("mkfifo").args(["-m", "600"]).arg(file).status().expect("mkfifo can be run");
        assert!(made.success());
    }),
    ("of another user", "to", |file| {
        if std::os::unix::fs::chown(file, Some(65_534), None).is_err() {
            eprintln!("ONLY ROOT CAN GIVE A FILE AWAY: that another user's is not loaded was not tried");
            set_mode(file, 0o666);
        }
    }),
    ("writable by others", "other users can write to", |file| set_mode(file, 0o666)),
    ("a link", "is a symbolic link", |file| {
        let moved = file.with_extension("moved");
        fs::rename(file, &moved).expect("it can be renamed");
        std::os::unix::fs::symlink(moved, file).expect("it can be linked");
    }),
    ("in a folder writable by others", "other users can write to", |file| {
        set_mode(file.parent().expect("it is in a folder"), 0o777)
    }),
];

#[test]
fn tampered_compiled_code_is_compiled_again() {
    let mut server = Options::default().rogue().start();
    let tenant = server.add_tenant("acme");
    let folder = server.data().join("compiled");
    for (what, why, tamper) in TAMPERINGS {
        server.terminate();
        let files = compiled(&folder);
        assert!(!files.is_empty());
        files.iter().for_each(|file| tamper(file));
        server.skip_log();
        server.restart();
        let event = if why == DAMAGED { "compiled_code_damaged" } else { "compiled_code_not_trusted" };
        let said = server.wait_for_event(event);
        assert!(said["reason"].as_str().unwrap_or_default().contains(why), "{what}: {said}");
        let client = server.client(&tenant);
        assert_eq!(client.create(&json!([{"email": format!("{}@example.com", what.len())}])).codes(), [201], "{what}");
    }
}

#[test]
fn a_flipped_bit_in_compiled_code_is_found_before_it_runs() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    let plain = bulkhead_tests::component("plain").display().to_string();
    let folder = server.data().join("compiled");
    let default = compiled(&folder);
    server.command_line(&["component", "add", &plain, "--name", "plain"]).expect(0);
    server.command_line(&["tenant", "set", "acme", "--validator", "plain"]).expect(0);
    let mut rng = bulkhead_tests::Rng::new(25);
    for round in 0..25 {
        server.terminate();
        let file = compiled(&folder).into_iter().find(|file| !default.contains(file)).expect("it is compiled");
        let mut code = fs::read(&file).expect("it can be read");
        let place = rng.below(code.len() as u64 * 8) as usize;
        code[place / 8] ^= 1 << (place % 8);
        fs::write(&file, code).expect("it can be written");
        server.skip_log();
        server.restart();
        let rows = server.client(&tenant).create(&json!([{"email": format!("{round}@example.com")}, 7])).codes();
        assert_eq!(rows, [201, 400], "bit {place}");
        let found = server.wait_for_event("compiled_code_damaged");
        assert_eq!(found["path"], file.display().to_string(), "bit {place}");
    }
}

#[test]
fn compiling_does_not_block_other_tenants() {
    let cache = tempfile::tempdir().expect("there is room for a folder");
    // The start has no time to compile, and commands compile into another folder.
    let options = Options::default().with("--workers", 1).with("--compile-ahead", 0);
    let mut server = options.with("--cache", cache.path().display()).start();
    let (slow, quick) = (server.add_tenant("slow"), server.add_tenant("quick"));
    server.terminate();
    let rogue = component("rogue").display().to_string();
    server.command_line(&["component", "add", &rogue, "--name", "rogue"]).expect(0);
    server.command_line(&["tenant", "set", "slow", "--processor", "rogue"]).expect(0);
    server.restart();
    let waits = server.client(&slow);
    let job = waits.create(&json!([{"email": "a@example.com"}]));
    server.wait_for_event("worker_compiling");
    // The only worker compiles, but another job is completed.
    server.client(&quick).create(&json!([{"email": "b@example.com"}])).wait_for("completed");
    assert_eq!(job.codes(), [201]);
}

#[test]
fn a_start_compiles_what_tenants_need_before_requests_come() {
    let cache = tempfile::tempdir().expect("there is room for a folder");
    let mut server = Options::default().with("--cache", cache.path().display()).start();
    let tenant = server.add_tenant("acme");
    server.terminate();
    let rogue = component("rogue").display().to_string();
    server.command_line(&["component", "add", &rogue, "--name", "rogue"]).expect(0);
    server.command_line(&["tenant", "set", "acme", "--processor", "rogue"]).expect(0);
    server.skip_log();
    server.restart();
    // It was compiled before the server listened, and nothing has to wait. The log may come a moment after the listener.
    assert_eq!(server.wait_for_events("component_compiled", 1).len(), 1);
    let client = server.client(&tenant);
    assert_eq!(client.create(&json!([{"email": "a@example.com"}])).codes(), [201]);
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "b@example.com"})).expect(201);
    assert_eq!(server.events("worker_compiling"), [] as [serde_json::Value; 0]);
}

#[test]
fn another_server_compiles_a_component_as_soon_as_it_is_registered() {
    let database = Database::fresh();
    let first = database.options().admin().start();
    let mut second = database.options().start_alongside(&first);
    let tenant = first.add_tenant("acme");
    let bytes = fs::read(component("rules-a")).expect("it was built");
    first.operator().call("POST", "/admin/components?name=rules", &[], &bytes).expect(201);
    second.wait_for_event("component_compiled");
    first.operator().send("PATCH", "/admin/tenants/acme", &[], &json!({"validator": "rules"})).expect(200);
    let client = second.client(&tenant);
    client.send("POST", "/api/contacts/new", &[], &json!({"email": "b@example.com"})).expect(201);
    assert_eq!(second.events("worker_compiling"), [] as [serde_json::Value; 0]);
    assert_eq!(second.events("component_compiled").len(), 1);
    // A command gives notice, too, although it ends at once.
    let plain = component("plain").display().to_string();
    first.command_line(&["component", "add", &plain, "--name", "plain"]).expect(0);
    second.wait_for_event("component_compiled");
}

#[test]
fn what_try_compiled_is_not_compiled_again() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    fs::write(file("contacts.json"), "[{}]").expect("a file can be written");
    let rogue = component("rogue").display().to_string();
    let run = |args: &[&str]| {
        let mut command = bulkhead();
        let output = command.args(args).env("XDG_CACHE_HOME", file("cache")).output().expect("it can be run");
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(run(&["component", "try", &rogue, &file("contacts.json")]).contains("compiling"));
    let added = run(&["component", "add", &rogue, "--data", &file("data"), "--create"]);
    assert!(!added.contains("compiling"), "{added}");
    // And the other way round.
    let plain = component("plain").display().to_string();
    assert!(run(&["component", "add", &plain, "--data", &file("data")]).contains("compiling"));
    assert!(!run(&["component", "check", &plain]).contains("compiling"));
    // Who names a folder gets code from that folder alone.
    let named = run(&["component", "add", &plain, "--data", &file("data"), "--cache", &file("own")]);
    assert!(named.contains("compiling"), "{named}");
}

/// As systemd makes the folder for a service without a lasting user.
#[test]
fn code_is_kept_in_a_folder_that_is_named_by_a_link() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (kept, link) = (folder.path().join("private"), folder.path().join("link"));
    fs::create_dir(&kept).expect("a folder can be made");
    set_mode(&kept, 0o700);
    std::os::unix::fs::symlink("private", &link).expect("it can be linked");
    let server = Options::default().with("--cache", link.display()).start();
    assert!(server.events("compiled_code_not_kept").is_empty());
    assert!(!compiled(&kept).is_empty());
}

#[test]
fn unneeded_compiled_code_is_deleted() {
    let mut server = Server::start();
    let folder = server.data().join("compiled");
    server.terminate();
    let kept = compiled(&folder);
    let (other, partial) = ("ab".repeat(32), folder.join("x.1-1.partial"));
    let stale = [folder.join(format!("{other}-0000000000000000.cwasm")), partial];
    let young = folder.join(format!("{other}-0000000000000001.cwasm"));
    let foreign = folder.join("notes.txt");
    for file in stale.iter().chain([&young, &foreign]) {
        fs::write(file, "x").expect("it can be written");
    }
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
    for file in stale.iter().chain(&kept).chain([&foreign]) {
        fs::File::options()
            .append(true)
            .open(file)
            .and_then(|file| file.set_modified(long_ago))
            .expect("it can be aged");
    }
    server.restart();
    assert!(server.wait_for_event("compiled_code_deleted")["files"].as_u64() >= Some(2));
    assert!(stale.iter().all(|file| !file.exists()));
    assert!(young.exists() && foreign.exists());
    let default = server.startup_line().split("sha256:").nth(1).expect("a digest").to_owned();
    // The folder that tests start from can also have code of an engine that was configured otherwise.
    assert!(kept.iter().any(|file| file.display().to_string().contains(&default) && file.exists()));
}

/// Returns the files of compiled code in a folder.
fn compiled(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("there is a folder").map(|entry| entry.expect("it can be listed").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "cwasm")).collect()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
}
