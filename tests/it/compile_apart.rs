//! Components are read and compiled by a process of their own, with limits: whatever a component does to its compiler, the server
//! keeps its memory, and everybody else is served.

use std::thread;

use bulkhead_tests::{Options, Server, component, contacts, is_running, wait_until};
use serde_json::json;

/// Bombs and the steps that may refuse them; a bomb that is not refused must have been served within the limits.
const BOMBS: [(&str, &[&str]); 5] = [
    ("bomb-nesting", &["resources"]),
    ("bomb-functions", &["compile"]),
    ("bomb-function", &["compile"]),
    ("bomb-types", &["compile", ""]),
    ("bomb-names", &["compile", ""]),
];
/// MiB that the server may grow by: the bytes of a component, several times.
const MAX_GROWTH_MIB: u64 = 150;

#[test]
fn a_component_that_explodes_when_it_is_compiled_costs_nobody_anything() {
    let server = Options::default().admin().with("--compile-memory", 512).with("--compile-timeout", 60).start();
    let operator = server.operator();
    let neighbour = server.new_client("neighbour");
    operator.call("POST", "/admin/components", &[], &bytes("plain")).expect(201);
    neighbour.create(&contacts("warm", 0..10)).wait_for("completed");
    let before = server.peak_memory();
    for (name, steps) in BOMBS {
        let (operator, bomb) = (server.operator(), bytes(name));
        let added = thread::spawn(move || operator.call("POST", "/admin/components", &[], &bomb));
        wait_until("a compiler", || (added.is_finished() || !server.children().is_empty()).then_some(()));
        assert_eq!(neighbour.create(&contacts(name, 0..10)).finished()["created"], 10, "{name}");
        let reply = added.join().expect("the client goes on");
        let said = reply.text();
        let step = steps.iter().find(|step| match **step {
            "" => reply.status == 201,
            step => reply.status == 422 && said.contains(&format!("at the step '{step}'")),
        });
        assert!(step.is_some(), "{name}: {} {said}", reply.status);
        // The turn is free again.
        operator_adds(&server, "rules-a");
        let grown = server.peak_memory() - before;
        assert!(grown < MAX_GROWTH_MIB, "{name}: the server grew by {grown} MiB");
    }
    wait_until("the end of all compilers", || server.children().is_empty().then_some(()));
}

#[test]
fn a_compiler_that_ends_early_is_reported_and_frees_its_turn() {
    let server = Options::default().admin().with("--compile-memory", 8_192).with("--compile-timeout", 600).start();
    for (what, end) in [("killed", "-KILL"), ("ended early", "-ABRT")] {
        let (operator, bomb) = (server.operator(), bytes("bomb-functions"));
        let added = thread::spawn(move || operator.call("POST", "/admin/components", &[], &bomb));
        let compiler = the_compiler(&server);
        signal(end, compiler);
        let refused = added.join().expect("the client goes on").expect(422).text();
        assert!(refused.contains("at the step 'compile'") && refused.contains(what), "{refused}");
        operator_adds(&server, "plain");
    }
}

#[test]
fn a_compiler_that_takes_too_long_is_killed() {
    let server = Options::default().admin().with("--compile-memory", 8_192).with("--compile-timeout", 1).start();
    let refused = server.operator().call("POST", "/admin/components", &[], &bytes("bomb-functions")).expect(422).text();
    assert!(refused.contains("takes more than 1 s") && refused.contains("--compile-timeout"), "{refused}");
    wait_until("the compiler's end", || server.children().is_empty().then_some(()));
}

#[test]
fn the_compiler_ends_with_its_server() {
    let mut server = Options::default().admin().with("--compile-memory", 8_192).with("--compile-timeout", 600).start();
    let (operator, bomb) = (server.operator(), bytes("bomb-functions"));
    let added = thread::spawn(move || operator.try_call("POST", "/admin/components", &[], &bomb).is_err());
    let compiler = the_compiler(&server);
    server.kill9();
    wait_until("the compiler's end", || (!is_running(compiler)).then_some(()));
    assert!(added.join().expect("the client goes on"), "there is no answer");
    // Nothing half-done is in the way.
    server.restart();
    operator_adds(&server, "plain");
}

#[test]
fn the_compiler_gives_up_what_it_does_not_need() {
    let server = Options::default().admin().with("--compile-memory", 8_192).with("--compile-timeout", 600).start();
    let (operator, bomb) = (server.operator(), bytes("bomb-functions"));
    let added = thread::spawn(move || operator.call("POST", "/admin/components", &[], &bomb));
    let compiler = the_compiler(&server);
    let file = |name: &str| std::fs::read_to_string(format!("/proc/{compiler}/{name}")).unwrap_or_default();
    // The last thing that it gives up is most system calls.
    wait_until("the filter of system calls", || {
        let status = file("status");
        assert!(!status.is_empty(), "it ended early");
        let has = |line: &str| status.lines().any(|other| other.split_whitespace().collect::<String>() == line);
        (has("Seccomp:2") && has("NoNewPrivs:1")).then_some(())
    });
    let limits = file("limits");
    for (name, limit) in
        [("Max data size", 8_192_u64 << 20), ("Max core file size", 0), ("Max file size", 0), ("Max open files", 16)]
    {
        let line = limits.lines().find(|line| line.starts_with(name)).expect("Linux lists it");
        let found: Vec<&str> = line.trim_start_matches(name).split_whitespace().take(2).collect();
        assert_eq!(found, [limit.to_string(), limit.to_string()], "{name}");
    }
    let environment = file("environ");
    assert!(environment.split('\0').all(|entry| entry.is_empty() || entry.starts_with("RAYON_")), "{environment}");
    assert_eq!(file("oom_score_adj").trim(), "1000");
    signal("-KILL", compiler);
    added.join().expect("the client goes on").expect(422);
}

/// As on another server of the same database, which has less memory.
#[test]
fn a_component_that_cannot_be_compiled_here_fails_its_items_and_is_not_tried_again_at_once() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let cache = |name: &str| folder.path().join(name).display().to_string();
    let mut server = Options::default().with("--compile-memory", 128).with("--cache", cache("server")).start();
    let client = server.new_client("acme");
    let file = component("many-functions").display().to_string();
    server.command_line(&["component", "add", &file, "--name", "many", "--cache", &cache("command")]).expect(0);
    server.command_line(&["tenant", "set", "acme", "--validator", "many", "--cache", &cache("command")]).expect(0);
    for round in 0..3 {
        let rows = client.create(&contacts(&format!("r{round}"), 0..10)).rows();
        assert!(rows.iter().all(|row| row["errors"]["type"] == "broke the contract"), "{rows:?}");
    }
    assert!(
        server.wait_for_event("component_not_compiled")["reason"].as_str().is_some_and(|why| why.contains("128 MiB"))
    );
    assert_eq!(server.events("component_not_compiled").len(), 1, "it is tried once");
    let call = client.send("POST", "/api/contacts/new", &[], &json!({"email": "a@example.com"}));
    assert_eq!(call.status, 500, "{}", call.text());
}

#[test]
fn the_compiler_refuses_to_run_for_nobody() {
    let args = ["compile-component", "compile", "--parent", "1", "--memory", "1000000000", "--cpu-seconds", "10"];
    let ended = bulkhead_tests::run_with_input(args, b"\0asm").expect(2);
    assert!(ended.stderr.contains("the process that started the compiler is gone"), "{}", ended.stderr);
    let help = bulkhead_tests::run(["--help"]).expect(0).stdout;
    assert!(!help.contains("compile-component"), "{help}");
}

fn operator_adds(server: &Server, name: &str) {
    let reply = server.operator().call("POST", "/admin/components", &[], &bytes(name));
    assert!([200, 201].contains(&reply.status), "{name}: {} {}", reply.status, reply.text());
}

/// Returns the process that compiles: the second one, after the one that only reads.
fn the_compiler(server: &Server) -> u32 {
    wait_until("a compiler", || server.children().into_iter().find(|id| is_compiling(*id)))
}

fn is_compiling(id: u32) -> bool {
    let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    arguments.split(|byte| *byte == 0).any(|argument| argument == b"compile")
}

fn signal(name: &str, id: u32) {
    let sent = std::process::Command::new("kill").args([name, &id.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "cannot send {name}");
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(component(name)).expect("it was built")
}
