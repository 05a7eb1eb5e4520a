//! `bulkhead doctor`: what it finds, and that it changes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use bulkhead_tests::{Database as SqliteDatabase, Finished, Server, contacts, run};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use serde_json::{Value, json};

use crate::databases::Database;

/// Returns the findings of `doctor --json` by check: verdict, what was found, advice.
fn findings(finished: &Finished) -> BTreeMap<String, (String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let finding = |line: &str| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (text(&value["check"]), (text(&value["verdict"]), text(&value["found"]), text(&value["advice"])))
    };
    finished.stdout.lines().map(finding).collect()
}

#[test]
fn a_healthy_store_passes_beside_its_server() {
    let server = Server::start();
    let client = server.new_client("acme");
    client.create(&contacts("c", 0..10)).wait_for("completed");
    let file = server.scratch("bulkhead.toml");
    write(&file, &format!("listen = \"{}\"\n", server.address()));
    set_mode(&file, 0o600);
    let config = file.display().to_string();
    let finished = server.command_line(&["doctor", "--json", "--config", &config]).expect(0);
    let found = findings(&finished);
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let expected = [
        "address",
        "addresses",
        "clock",
        "compiled",
        "configuration",
        "descriptors",
        "disk",
        "folder",
        "schema",
        "secrets",
        "size",
        "store",
        "tenant",
        "threads",
        "times",
    ];
    assert_eq!(names, expected);
    for (check, (verdict, found, _)) in &found {
        // What the machine of the test has is no matter of the store.
        let is_machine = ["disk", "descriptors", "addresses", "threads"].contains(&check.as_str());
        assert!(is_machine || verdict == "ok", "{check}: {verdict}: {found}");
    }
    assert!(found["address"].1.contains("a Bulkhead server answers at --listen 127.0.0.1:"), "{:?}", found["address"]);
    let lines = server.command_line(&["doctor", "--config", &config]).expect(0).stdout;
    assert!(lines.contains("ok   schema: ") && lines.contains("ok   tenant: none of 1 is near its limits"), "{lines}");
}

#[test]
fn a_database_is_examined_as_well() {
    let database = Database::fresh();
    let server = database.options().start();
    server.add_tenant("acme");
    let found = findings(&server.command_line(&["doctor", "--json"]).expect(0));
    for check in ["configuration", "schema", "database", "servers", "times", "store", "secrets", "tenant"] {
        assert_eq!(found[check].0, "ok", "{check}: {:?}", found[check]);
    }
    assert!(found["servers"].1.starts_with("1 server"), "{:?}", found["servers"]);
    let version = database.number("SELECT version FROM bulkhead_schema");
    // A newer version's, with which this one can work.
    database.execute(&format!("UPDATE bulkhead_schema SET version = {version} + 1"));
    let found = findings(&server.command_line(&["doctor", "--json"]).expect(0));
    assert!(found["schema"].1.contains("this version can work"), "{:?}", found["schema"]);
    for (version, verdict, code, part) in
        [(version + 1, "fail", 1, "use the newer version"), (version - 1, "warn", 0, "brings it up to date")]
    {
        database.execute(&format!("UPDATE bulkhead_schema SET version = {version}, oldest = {version}"));
        let found = findings(&server.command_line(&["doctor", "--json"]).expect(code));
        assert!(found["schema"].0 == verdict && found["schema"].2.contains(part), "{:?}", found["schema"]);
        assert!(found["store"].1.contains("not opened"), "{:?}", found["store"]);
        assert_eq!(database.number("SELECT version FROM bulkhead_schema"), version, "an examination changes nothing");
    }
    let empty = Database::fresh();
    let found = findings(&run(["doctor", "--json", "--database", &empty.url()]).expect(1));
    assert!(found["store"].1.contains("not opened"), "{:?}", found["store"]);
    assert_eq!(empty.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

/// An installation that is broken in one way: how it is broken, and how doctor is started.
struct Broken {
    name: &'static str,
    /// Breaks the data folder.
    breaks: fn(&Path),
    /// Arguments of `ulimit`, or nothing.
    limit: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// The check that finds it, and its verdict.
    found_by: (&'static str, &'static str),
    /// A part of what was found, and of what to do.
    said: (&'static str, &'static str),
}

impl Broken {
    const fn by(
        name: &'static str,
        breaks: fn(&Path),
        found_by: (&'static str, &'static str),
        said: (&'static str, &'static str),
    ) -> Self {
        Self { name, breaks, limit: ":", variables: &[], found_by, said }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).expect("it can be written");
}

/// Overwrites the pages with a table and what belongs to it.
fn damage(data: &Path, tables: &[&str]) {
    let file = data.join("bulkhead.sqlite");
    let database = SqliteDatabase::open_to_block(&file);
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    let size = database.number("PRAGMA page_size", []);
    let pages: Vec<i64> = tables
        .iter()
        .map(|table| database.number("SELECT rootpage FROM sqlite_master WHERE name = ?1", [*table]))
        .collect();
    drop(database);
    let mut bytes = fs::read(&file).expect("it is there");
    for page in pages {
        let begin = usize::try_from((page - 1) * size).expect("a place");
        bytes[begin..begin + usize::try_from(size).expect("a size")].fill(0xa5);
    }
    fs::write(&file, bytes).expect("it can be written");
}

#[test]
fn a_damaged_store_is_a_finding_wherever_it_is_damaged() {
    let mut server = Server::start();
    server.new_client("acme").create(&contacts("c", 0..10)).wait_for("completed");
    server.terminate();
    for tables in [&["secrets"][..], &["tenants"], &["tenants", "secrets", "jobs"]] {
        let data = server.scratch(&tables.join("-"));
        let copied = Command::new("cp").arg("-a").arg(server.data()).arg(&data).status().expect("there is cp");
        assert!(copied.success());
        damage(&data, tables);
        let data = data.display().to_string();
        let told = run(["doctor", "--json", "--data", &data]).expect(1);
        let is_told = told.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).any(|line| {
            line["verdict"] == "fail"
                && line["advice"] == "the file is damaged: stop the server and restore the last backup"
        });
        assert!(is_told && told.stderr.is_empty(), "{tables:?}: {} {}", told.stdout, told.stderr);
        if tables.contains(&"tenants") {
            let refused = run(["tenant", "list", "--data", &data]).expect(2);
            assert!(refused.stderr.contains("restore the last backup"), "{}", refused.stderr);
        }
    }
    let data = server.scratch("nonsense");
    let copied = Command::new("cp").arg("-a").arg(server.data()).arg(&data).status().expect("there is cp");
    assert!(copied.success());
    write(&data.join("bulkhead.sqlite"), &"no database ".repeat(1_000));
    let data = data.display().to_string();
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["tenant", "list"], &["backup", "copy"]] {
        let refused = run([args, &["--data", &data]].concat()).expect(2);
        assert!(refused.stderr.contains("stop the server and restore the last backup"), "{args:?}: {}", refused.stderr);
    }
}

#[test]
fn listeners_components_and_certificates_are_examined() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = |name: &str, text: &str| {
        write(&folder.path().join(name), text);
        folder.path().join(name).display().to_string()
    };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = taken.local_addr().map(|address| (address.to_string(), taken)).expect("it has an address");
    let no_component = file("x.wasm", "no component");
    let certificate_of = |name: &str, from: (i32, u8, u8), to: (i32, u8, u8), is_ca: IsCa| {
        let mut params = CertificateParams::new(vec![String::from("localhost")]).expect("a name");
        params.is_ca = is_ca;
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        [file(&format!("{name}.pem"), &pem), file(&format!("{name}.key"), &key.serialize_pem())]
    };
    let certificate = |name: &str, from, to| certificate_of(name, from, to, IsCa::ExplicitNoCa);
    let authority = IsCa::Ca(BasicConstraints::Unconstrained);
    let [ca, ca_key] = certificate_of("ca", (2020, 1, 1), (2060, 1, 1), authority);
    let [well, well_key] = certificate("well", (2020, 1, 1), (2060, 1, 1));
    let [expired, expired_key] = certificate("expired", (2020, 1, 1), (2021, 1, 1));
    let [early, early_key] = certificate("early", (2060, 1, 1), (2061, 1, 1));
    for (text, check, verdict, found, advice) in [
        (format!("listen = \"{}\"", taken.0), "address", "fail", "--listen 127.0.0.1:", "ss -ltnp"),
        (
            String::from("listen = \"192.0.2.7:80\"\ninsecure-listen = true"),
            "address",
            "fail",
            "192.0.2.7:80",
            "ip addr",
        ),
        (
            String::from("listen = \"127.0.0.1:1234\"\nhealth-listen = \"127.0.0.1:1234\""),
            "configuration",
            "fail",
            "are one address",
            "serve --help",
        ),
        (
            format!("component = \"{no_component}\""),
            "configuration",
            "fail",
            "this is no WebAssembly component",
            "serve --help",
        ),
        (
            format!("tls-cert = \"{well}\"\ntls-key = \"{well_key}\""),
            "certificate",
            "ok",
            "is valid until 2060-01-01T",
            "",
        ),
        (format!("tls-cert = \"{ca}\"\ntls-key = \"{ca_key}\""), "certificate", "warn", "(CA:TRUE)", "CA:FALSE"),
        (
            format!("tls-cert = \"{expired}\"\ntls-key = \"{expired_key}\""),
            "certificate",
            "fail",
            "has expired at 2021-01-01T",
            "renew it now",
        ),
        (
            format!("tls-cert = \"{early}\"\ntls-key = \"{early_key}\""),
            "certificate",
            "fail",
            "is not valid before 2060-",
            "clock",
        ),
    ] {
        let listen = if text.contains("listen = ") { "" } else { "listen = \"127.0.0.1:0\"\n" };
        let config = file("bulkhead.toml", &format!("{listen}{text}\n"));
        set_mode(Path::new(&config), 0o600);
        let found_all = findings(&run(["doctor", "--json", "--config", &config, "--data", "nowhere"]).expect(1));
        let (is, what, what_to_do) = &found_all[check];
        assert!(is == verdict && what.contains(found) && what_to_do.contains(advice), "{text}: {:?}", found_all[check]);
    }
    let config = file("bulkhead.toml", "listen = \"127.0.0.1:0\"\n");
    for (path, mode, part) in
        [(Path::new(&config), 0o664, "bulkhead.toml has mode 664"), (folder.path(), 0o775, "has mode 775")]
    {
        set_mode(Path::new(&config), 0o600);
        set_mode(path, mode);
        let told = run(["doctor", "--config", &config, "--data", "nowhere"]).stdout;
        assert!(told.contains("warn configuration: ") && told.contains(part), "{told}");
    }
}

#[test]
fn each_of_fourteen_broken_installations_is_named_with_what_to_do() {
    const WELL: fn(&Path) = |_| {};
    let broken = [
        Broken::by(
            "no folder",
            |data| fs::remove_dir_all(data).expect("it is ours"),
            ("folder", "fail"),
            ("there is no folder", "--data"),
        ),
        Broken::by(
            "a folder for all",
            |data| set_mode(data, 0o777),
            ("folder", "fail"),
            ("write", "refuse this folder"),
        ),
        Broken::by(
            "a readable folder",
            |data| set_mode(data, 0o755),
            ("folder", "warn"),
            ("can read", "makes it private"),
        ),
        Broken::by(
            "a damaged database",
            |data| write(&data.join("bulkhead.sqlite"), &"no database ".repeat(1_000)),
            ("store", "fail"),
            ("", "restore the last backup"),
        ),
        Broken::by(
            "a newer schema",
            |data| {
                SqliteDatabase::open_to_block(&data.join("bulkhead.sqlite"))
                    .execute("PRAGMA user_version = 999; UPDATE bulkhead_schema SET oldest = 999")
            },
            ("schema", "fail"),
            ("999", "use the newer version"),
        ),
        Broken::by(
            "a job of tomorrow",
            |data| {
                let tomorrow = "UPDATE jobs SET created_at = created_at + 86400000000";
                SqliteDatabase::open_to_block(&data.join("bulkhead.sqlite")).execute(tomorrow);
            },
            ("times", "warn"),
            ("the clock was set back", "set the clock right"),
        ),
        Broken::by(
            "code of others",
            |data| set_mode(&data.join("compiled"), 0o777),
            ("compiled", "fail"),
            ("machine code", "chmod 700"),
        ),
        Broken {
            limit: "ulimit -n 200",
            ..Broken::by("few files", WELL, ("descriptors", "warn"), ("200 files", "LimitNOFILE="))
        },
        Broken {
            limit: "ulimit -v 4000000",
            ..Broken::by("few addresses", WELL, ("addresses", "fail"), ("may reserve 3 GiB", "ulimit -v"))
        },
        Broken {
            limit: "ulimit -u 100",
            ..Broken::by("few threads", WELL, ("threads", "warn"), ("100 threads", "TasksMax="))
        },
        Broken {
            variables: &[("BULKHEAD_ADMIN_LISTEN", "127.0.0.1:1")],
            ..Broken::by(
                "operators without a token",
                WELL,
                ("configuration", "fail"),
                ("needs a token", "serve --help"),
            )
        },
        Broken {
            variables: &[("BULKHEAD_LISTEN", "0.0.0.0:1")],
            ..Broken::by("secrets in the clear", WELL, ("configuration", "fail"), ("without TLS", "serve --help"))
        },
        Broken {
            variables: &[("BULKHEAD_TLS_CERT", "/nowhere/c"), ("BULKHEAD_TLS_KEY", "/nowhere/k")],
            ..Broken::by(
                "no certificate",
                WELL,
                ("configuration", "fail"),
                ("/nowhere/c: there is no such file", "serve --help"),
            )
        },
        Broken {
            variables: &[("BULKHEAD_WORKERS", "99")],
            ..Broken::by("a wrong variable", WELL, ("configuration", "fail"), ("99 is not in 1..=32", "serve --help"))
        },
    ];
    let mut server = Server::start();
    server.new_client("acme").create(&contacts("c", 0..10)).wait_for("completed");
    server.terminate();
    for Broken { name, breaks, limit, variables, found_by: (check, verdict), said: (found, advice) } in broken {
        let data = server.scratch(name);
        let copied = Command::new("cp").arg("-a").arg(server.data()).arg(&data).status().expect("there is cp");
        assert!(copied.success(), "{name}");
        breaks(&data);
        let doctor = bulkhead_tests::bulkhead();
        let mut limited = Command::new("bash");
        limited.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]).arg(doctor.get_program());
        for (variable, value) in doctor.get_envs() {
            match value {
                Some(value) => limited.env(variable, value),
                None => limited.env_remove(variable),
            };
        }
        limited.args(["doctor", "--json", "--data"]).arg(&data).envs(variables.iter().copied());
        let output = limited.output().expect("bulkhead can be started");
        let finished = Finished {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let finished = finished.expect(i32::from(verdict == "fail"));
        let lines = finished.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_told = lines
            .filter(|line| line["check"] == check && line["verdict"] == verdict)
            .any(|line| text(&line["found"]).contains(found) && text(&line["advice"]).contains(advice));
        assert!(is_told, "{name}: {}", finished.stdout);
    }
}

#[test]
fn a_database_that_is_away_and_a_wrong_file_are_named() {
    let away = run(["doctor", "--database", "postgres://u:hunter2@127.0.0.1:1/x"]).expect(1);
    assert!(away.stdout.contains("start PostgreSQL, or correct the URL"), "{}", away.stdout);
    assert!(!away.stdout.contains("hunter2"), "{}", away.stdout);
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("bulkhead.toml");
    write(&file, "drain-delay = 10\nworkers = 99\n");
    let file = file.display().to_string();
    let told = run(["doctor", "--config", &file]).expect(1).stdout;
    let part = format!("fail configuration: {file}, line 2: workers: '99' cannot be used");
    assert!(told.contains(&part), "{told}");
}

#[test]
fn a_tenant_near_its_limits_is_named() {
    let server = Server::start();
    let client = server.new_client("acme");
    server.set_limits("acme", &json!({"storedContacts": 10}));
    client.create(&contacts("c", 0..7)).wait_for("completed");
    assert_eq!(findings(&server.command_line(&["doctor", "--json"]).expect(0))["tenant"].0, "ok");
    client.create(&contacts("d", 0..1)).wait_for("completed");
    let (verdict, found, advice) = &findings(&server.command_line(&["doctor", "--json"]).expect(0))["tenant"];
    assert_eq!((&**verdict, &**found), ("warn", "acme has 8 of 10 (storedContacts)"));
    assert!(advice.contains("bulkhead tenant set"), "{advice}");
}

#[test]
fn trouble_is_told_with_what_to_do() {
    let mut server = Server::start();
    server.add_tenant("acme");
    server.terminate();
    let file = server.data().join("bulkhead.sqlite");
    let version = SqliteDatabase::open_to_block(&file).number("PRAGMA user_version", []);
    let set_version = |version: i64| {
        let set = format!("PRAGMA user_version = {version}; UPDATE bulkhead_schema SET oldest = {version}");
        SqliteDatabase::open_to_block(&file).execute(&set);
    };
    for (version, verdict, code, part) in
        [(version + 1, "fail", 1, "use the newer version"), (version - 1, "warn", 0, "brings it up to date")]
    {
        set_version(version);
        let finished = server.command_line(&["doctor", "--json"]).expect(code);
        let (found, _, advice) = &findings(&finished)["schema"];
        assert!(found == verdict && advice.contains(part), "{version}: {found}: {advice}");
        let stays = SqliteDatabase::open_to_block(&file).number("PRAGMA user_version", []);
        assert_eq!(stays, version, "an examination changes nothing");
    }
    set_version(version);
    #[cfg(unix)]
    {
        for (mode, verdict, code, part) in
            [(0o755, "warn", 0, "other users can read"), (0o777, "fail", 1, "run: chmod 700 ")]
        {
            fs::set_permissions(server.data(), fs::Permissions::from_mode(mode)).expect("it is ours");
            let finished = server.command_line(&["doctor", "--json"]).expect(code);
            let (found, what, _) = &findings(&finished)["folder"];
            assert!(found == verdict && what.contains(part), "{mode:o}: {found}: {what}");
            let stays = fs::metadata(server.data()).expect("it is there").permissions().mode() & 0o777;
            assert_eq!(stays, mode, "an examination changes nothing");
        }
    }
    let nowhere = server.scratch("nowhere");
    let finished = run(["doctor", "--data", &nowhere.display().to_string()]).expect(1);
    assert!(finished.stdout.contains("fail store: there is no store in "), "{}", finished.stdout);
    assert!(fs::metadata(nowhere).is_err(), "an examination makes no folder");
}

#[test]
fn a_tenant_without_a_secret_that_stays_is_named() {
    let server = Server::start();
    let secrets = |found: &str| {
        let (verdict, said, advice) =
            findings(&server.command_line(&["doctor", "--json"]).expect(0))["secrets"].clone();
        assert!(said.contains(found), "{said}");
        (verdict, advice)
    };
    server.add_tenant("acme");
    assert_eq!(secrets("each of 1 tenants").0, "ok");
    server.command_line(&["tenant", "secret", "add", "acme", "--expires-days", "13"]).expect(0);
    assert_eq!(secrets("each of 1 tenants").0, "ok");
    let listed = server.command_line(&["tenant", "secret", "list", "acme"]).expect(0).stdout;
    let first: Value = serde_json::from_str(listed.lines().next().expect("a secret")).expect("JSON");
    server.command_line(&["tenant", "secret", "revoke", "acme", first["id"].as_str().expect("an id")]).expect(0);
    let (verdict, advice) = secrets("acme expire within two weeks");
    assert_eq!((verdict.as_str(), advice.as_str()), ("warn", "bulkhead tenant secret add acme"));
}
