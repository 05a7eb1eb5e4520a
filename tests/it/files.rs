//! Files are their user's alone, whatever the umask. A data folder that other users can use is mended or refused.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use bulkhead_tests::{CommandLine, Log, Server, ServerProcess, Tenant, binary};

/// Another user, who exists on every system.
const NOBODY: u32 = 65_534;

#[test]
fn files_are_private_whatever_the_umask() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let data = folder.path().join("data");
    let open = ["sh", "-c", r#"umask 000; exec "$0" "$@""#].map(str::to_owned).to_vec();
    let commands = CommandLine::on_folder(&data).prefix(open);
    let _server = ServerProcess::start(commands.serve("127.0.0.1"), &Log::default()).expect("it starts");
    commands.add_tenant("acme");
    let copy = folder.path().join("copy.sqlite");
    commands.run(&["backup", &copy.display().to_string()]).expect(0);
    let files = everything_in(&data);
    for name in ["bulkhead.sqlite", "bulkhead.sqlite-wal", "bulkhead.sqlite-shm", "server.lock", "compiled"] {
        assert!(files.contains(&data.join(name)), "{name}: {files:?}");
    }
    assert_private(files.iter().chain([&data, &copy]));
}

#[test]
fn the_demo_keeps_its_files_private() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let release = folder.path().join("target/release");
    fs::create_dir_all(&release).expect("a folder can be made");
    std::os::unix::fs::symlink(binary(), release.join("bulkhead")).expect("it can be linked");
    let data = folder.path().join("data");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/run");
    let demo = || {
        let ended = Command::new("sh")
            .args(["-c", r#"umask 000; exec "$0" --exit"#, script])
            .env("CARGO_TARGET_DIR", folder.path().join("target"))
            .env("BULKHEAD_DATA", &data)
            .env("BULKHEAD_LISTEN", "127.0.0.1:0")
            .env("BULKHEAD_CONSOLE_LISTEN", "127.0.0.1:0")
            .output()
            .expect("it can be run");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8_lossy(&ended.stdout).into_owned()
    };
    assert!(demo().contains("submitting the 10,000 contacts"));
    let again = demo();
    assert!(again.contains("of an earlier run are there") && !again.contains("submitting"), "{again}");
    let files = everything_in(&data);
    for name in ["demo.json", "sample.json", "server.log", "report.txt", "bulkhead.sqlite"] {
        assert!(files.contains(&data.join(name)), "{name}: {files:?}");
    }
    assert_private(files.iter().chain([&data]));
}

#[test]
fn an_empty_folder_is_made_private() {
    for mode in [0o755, 0o777] {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        set_mode(folder.path(), mode);
        Tenant::parse(&tenant_add(folder.path()).expect(0).stdout);
        assert_private(everything_in(folder.path()).iter().chain([&folder.path().to_owned()]));
    }
}

#[test]
fn a_store_that_others_could_read_is_made_private() {
    let mut server = Server::start();
    let tenant = server.add_tenant("acme");
    server.terminate();
    let data = server.data();
    set_mode(&data, 0o755);
    for file in everything_in(&data).iter().filter(|file| file.is_file()) {
        set_mode(file, 0o644);
    }
    server.restart();
    server.wait_for_event("data_folder_made_private");
    server.client(&tenant).get("/api/contacts").expect(200);
    let files = everything_in(&data);
    assert_private(files.iter().filter(|file| file.parent() == Some(&data)).chain([&data]));
    server.terminate();
    server.restart();
    assert_eq!(server.events("data_folder_made_private").len(), 1, "it stays private");
}

#[test]
fn a_folder_that_others_can_use_is_refused_with_what_to_do() {
    let server = Server::start();
    let folders = server.scratch("folders");
    let make = |name: &str, mode: u32, file: Option<&str>| {
        let folder = folders.join(name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        if let Some(file) = file {
            fs::write(folder.join(file), "text").expect("a file can be written");
        }
        set_mode(&folder, mode);
        folder
    };
    let quote = |path: &Path| format!("'{}'", path.display());
    let writable = make("it's writable", 0o777, Some("bulkhead.sqlite"));
    let group = make("group", 0o770, Some("server.lock"));
    let readable = make("readable", 0o755, Some("notes.txt"));
    let mut cases = vec![
        (&writable, "other users can write", String::from(r"writable'")),
        (&group, "(mode 770)", format!("chmod 700 {}", quote(&group))),
        (&readable, "'notes.txt'", format!("--data {}", quote(&readable.join("store")))),
        (&readable, "other users can read", format!("chmod 700 {}", quote(&readable))),
    ];
    let foreign = make("foreign", 0o700, None);
    if chown(&foreign, Some(NOBODY), None).is_ok() {
        cases.push((&foreign, "belongs to user 65534", String::from("sudo -u '#65534'")));
        cases.push((&foreign, "a folder inside it", format!("--data {}", quote(&foreign.join("store")))));
    } else {
        eprintln!("ONLY ROOT CAN GIVE A FOLDER AWAY: that another user's is refused was not tried");
    }
    for (folder, why, advice) in cases {
        let before = fs::metadata(folder).expect("it is there").permissions().mode();
        let serve = bulkhead_tests::run(["serve", "--listen", "127.0.0.1:0", "--data", &folder.display().to_string()]);
        for ended in [serve, tenant_add(folder)] {
            let ended = ended.expect(2);
            assert!(ended.stderr.contains(why) && ended.stderr.contains(&advice), "{folder:?}: {}", ended.stderr);
        }
        assert_eq!(fs::metadata(folder).expect("it is there").permissions().mode(), before, "{folder:?}");
    }
    // What the refusal advises works.
    tenant_add(&readable.join("store")).expect(0);
    assert_private([&readable.join("store")]);
    let advised = tenant_add(&writable).expect(2).stderr;
    let (_, command) = advised.trim_end().split_once("run: ").expect("there is a command");
    assert!(Command::new("sh").args(["-c", command]).status().is_ok_and(|status| status.success()), "{command}");
    assert_private([&writable]);
}

fn tenant_add(data: &Path) -> bulkhead_tests::Finished {
    let words = ["tenant", "add", "acme", "--create", "--data"].map(OsString::from);
    bulkhead_tests::run(words.into_iter().chain([data.into()]))
}

#[track_caller]
fn assert_private<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) {
    for path in paths {
        let mode = fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{} has the mode {mode:o}", path.display());
    }
}

/// Returns all files and folders in a folder.
fn everything_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("there is a folder") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(everything_in(&path));
        }
        found.push(path);
    }
    found
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("the mode can be set");
}
