//! Refusals at registration: early, with the step, the finding and advice.

use bulkhead_tests::{Options, Server, component, component_file};
use serde_json::{Value, json};

#[test]
fn each_step_of_registration_explains_its_refusal() {
    let server = Server::start();
    let before = server.command_line(&["component", "list"]).expect(0).stdout;
    for (file, step, parts) in [
        ("module.wasm", "kind", &["core module", "wasm32-wasip2"][..]),
        ("text.wat", "kind", &["WebAssembly text", "wasm-tools parse"]),
        ("stranger.wasm", "world", &["wasi:cli/run", "bulkhead:contacts@1.0.0"]),
        ("vault.wasm", "imports", &["acme:secret/vault@1.0.0"]),
        ("http.wasm", "imports", &["wasi:http/outgoing-handler@", "wasi:http/types@"]),
        ("large-memory.wasm", "resources", &["512 MiB", "256"]),
        ("huge-memory.wasm", "resources", &["2048 MiB", "256"]),
        ("huge-table.wasm", "resources", &["1000000 elements", "20000"]),
        ("bomb-nesting.wasm", "resources", &["more than 100 components are nested"]),
        ("longer-name.wasm", "resources", &["100001 bytes", "100000"]),
        ("start-loop.wasm", "instantiate", &["timed out"]),
        ("start-trap.wasm", "instantiate", &["trapped"]),
        ("batch-trap.wasm", "batch", &["trapped", "must answer any JSON text"]),
        // The first step that fails is reported.
        ("large-and-trapping.wasm", "resources", &["512 MiB", "256"]),
    ] {
        let path = component_file(file).display().to_string();
        let refused = server.command_line(&["component", "add", &path]).expect(2);
        assert!(refused.stderr.contains(&format!("refused at the step '{step}'")), "{file}: {}", refused.stderr);
        for part in parts {
            assert!(refused.stderr.contains(part), "{file}: {part}: {}", refused.stderr);
        }
        assert!(refused.stderr.contains(file) && refused.stdout.is_empty(), "{file}: {}", refused.stderr);
    }
    // A component that needs more than the server has is refused, at any step.
    for file in ["many-tables.wasm", "many-instances.wasm"] {
        let path = component_file(file).display().to_string();
        let refused = server.command_line(&["component", "add", &path]).expect(2);
        let is_told =
            ["'resources'", "'compile'", "'world'", "'instantiate'"].iter().any(|step| refused.stderr.contains(step));
        assert!(is_told, "{file}: {}", refused.stderr);
    }
    assert_eq!(server.command_line(&["component", "list"]).expect(0).stdout, before, "nothing was registered");
}

#[test]
fn compiled_code_is_never_accepted_from_outside() {
    let server = Server::start();
    let compiled = std::fs::read_dir(server.data().join("compiled")).expect("there is a folder");
    let compiled = compiled
        .map(|entry| entry.expect("it can be listed").path())
        .find(|path| path.extension().is_some_and(|it| it == "cwasm"));
    let path = compiled.expect("the default is compiled").display().to_string();
    let refused = server.command_line(&["component", "add", &path]).expect(2);
    assert!(refused.stderr.contains("machine code (.cwasm)"), "{}", refused.stderr);
}

#[test]
fn truncated_components_are_refused_and_altered_ones_do_no_harm() {
    let server = Options::default().admin().start();
    let operator = server.operator();
    let good = std::fs::read(component("plain")).expect("it was built");
    for place in (8..good.len()).step_by(17) {
        let mut bad = good.clone();
        bad[place] ^= 0x5a;
        let reply = operator.call("POST", "/admin/components", &[], &bad);
        assert!([200, 201, 422].contains(&reply.status), "byte {place}: {} {}", reply.status, reply.text());
        let reply = operator.call("POST", "/admin/components", &[], &good[..place]).expect(422);
        assert_eq!(reply.problem()["type"], "component_refused");
    }
    operator.call("POST", "/admin/components", &[], &good).expect(201);
}

#[test]
fn components_get_no_files_sockets_or_environment() {
    let server = Options::default().admin().start();
    let operator = server.operator();
    let port = server.address().port();
    for (name, attempts) in [
        ("environment", vec![json!(true)]),
        ("files", vec![json!({"read": "/etc/passwd"}), json!({"list": "."}), json!({"write": "/tmp/x"})]),
        (
            "sockets",
            vec![json!({"connect": port}), json!({"listen": 0}), json!({"send": port}), json!({"find": "localhost"})],
        ),
    ] {
        let bytes = std::fs::read(component(name)).expect("it was built");
        operator.call("POST", &format!("/admin/components?name={name}"), &[], &bytes).expect(201);
        let client = server.new_client(name);
        operator.send("PATCH", &format!("/admin/tenants/{name}"), &[], &json!({"validator": name})).expect(200);
        let rows = client.create(&attempts.iter().map(|attempt| json!({"attempt": attempt})).collect()).rows();
        for (attempt, row) in attempts.iter().zip(rows) {
            let found =
                row["errors"]["details"]["attempt"][0].as_str().unwrap_or_else(|| panic!("{name}: {row}")).to_owned();
            let is_nothing =
                found.starts_with("refused: ") || found == "variables: [], arguments: [], input: granted: 0";
            assert!(is_nothing, "{name} {attempt}: {found}");
        }
    }
}

#[test]
fn an_interrupted_registration_keeps_the_store_consistent() {
    let mut server = Options::default().admin().start();
    let tenant = server.add_tenant("acme");
    let bytes = std::fs::read(component("rules-a")).expect("it was built");
    let mut rng = bulkhead_tests::Rng::new(3);
    for _ in 0..6 {
        let operator = server.operator();
        let call = std::thread::spawn(move || {
            let added = operator.try_call("POST", "/admin/components?name=rules", &[], &bytes_of("rules-a"));
            let set = operator.try_call(
                "PATCH",
                "/admin/tenants/acme",
                &[("content-type", "application/json")],
                br#"{"validator":"rules"}"#,
            );
            drop((added, set));
        });
        rng.spin_up_to(std::time::Duration::from_millis(250));
        server.kill9();
        call.join().expect("the client copes with that");
        server.restart();
        let listed = server.operator().get("/admin/components").expect(200).json();
        let sizes: Vec<&Value> = listed["components"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one["name"] == "rules")
            .map(|one| &one["size"])
            .collect();
        assert!(sizes.iter().all(|size| **size == json!(bytes.len())), "{listed}");
        // The tenant's validator works, the old or the new one.
        let client = server.client(&tenant);
        assert!([201, 200].contains(&client.create(&json!([{"email": "a@example.com"}])).codes()[0]));
    }
}

fn bytes_of(name: &str) -> Vec<u8> {
    std::fs::read(component(name)).expect("it was built")
}
