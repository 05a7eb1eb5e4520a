//! The components and other files that this program writes, as WebAssembly text.

/// Returns the name and the WebAssembly text of each file.
pub(crate) fn texts() -> Vec<(&'static str, String)> {
    let with_inspect = |items: &str| format!("{items} {INSPECT_NOTHING}");
    vec![
        // The smallest valid component.
        ("plain", plain()),
        // Allocates table elements on demand.
        ("tables", validator("1", include_str!("wat/tables.wat"), "")),
        // Needs 512 MiB of memory, which is more than the limit of an instance.
        ("large-memory", validator("8192", INSPECT_NOTHING, "")),
        // Needs 2 GiB of memory, which is more than the server sets aside.
        ("huge-memory", validator("32768", INSPECT_NOTHING, "")),
        // Needs a table of a million elements.
        ("huge-table", validator("1", &with_inspect("(table 1000000 funcref)"), "")),
        // Needs twenty small tables.
        ("many-tables", validator("1", &with_inspect(&"(table 1 funcref) ".repeat(20)), "")),
        // Needs 300 instances of an empty module.
        ("many-instances", validator("1", INSPECT_NOTHING, &idle_instances(300))),
        // Loops in its start function.
        ("start-loop", validator("1", &with_inspect("(func $begin (loop $again (br $again))) (start $begin)"), "")),
        // Traps in its start function.
        ("start-trap", validator("1", &with_inspect("(func $begin (unreachable)) (start $begin)"), "")),
        // Traps when it is called.
        ("batch-trap", validator("1", "(func $inspect (param i32 i32) (unreachable))", "")),
        // Traps in its start function, and needs too much memory.
        ("large-and-trapping", validator("8192", &with_inspect("(func $begin (unreachable)) (start $begin)"), "")),
        // Traps on an item that starts with `{"q`, in a function with a mangled C++ name. The name has some 400 bytes, but its
        // demangled form is enormous.
        ("mangled-name", validator("1", &trap_in(&expanding_name()), "")),
        // The same with a mangled Rust name.
        ("rust-name", validator("1", &trap_in(&expanding_rust_name()), "")),
        // Traps in a function whose name has the maximum length.
        ("long-name", validator("1", &trap_in(&"n".repeat(MAX_NAME_BYTES)), "")),
        // Traps in a function whose name is too long.
        ("longer-name", validator("1", &trap_in(&"n".repeat(MAX_NAME_BYTES + 1)), "")),
        // Traps in a function whose name would clear a terminal and forge a log line.
        ("control-name", validator("1", &trap_in("\\1b[2J\\0a{\\22level\\22:\\22ERROR\\22}"), "")),
        // Traps in its start function, whose name would change a terminal's title.
        ("control-start", validator("1", &with_inspect(CONTROL_START), "")),
        // Exports only wasi:cli/run.
        ("stranger", String::from(include_str!("wat/stranger.wat"))),
        // Is a core module, not a component.
        ("module", String::from(r#"(module (memory (export "memory") 1))"#)),
    ]
}

/// Returns the text of a validator that never objects.
pub(crate) fn plain() -> String {
    validator("1", INSPECT_NOTHING, "")
}

/// Largest name of a function that registration allows, in bytes.
const MAX_NAME_BYTES: usize = 100_000;

/// Returns a mangled C++ name whose demangled form is enormous: at each of 14 levels, a template argument repeats the previous
/// level 16 times.
fn expanding_name() -> String {
    let mut name = format!("_Z1f1A1PI{}E", "S_".repeat(16));
    for level in 1..14 {
        // Substitutions count in base 36.
        let digit = char::from_digit(level, 36).map_or('Z', |digit| digit.to_ascii_uppercase());
        name.push_str(&format!("S0_I{}E", format!("S{digit}_").repeat(16)));
    }
    name
}

/// Returns a mangled Rust name whose demangled form is enormous: each of 14 tuples repeats the one before 16 times.
fn expanding_rust_name() -> String {
    let mut name = String::from("_RINvC1a1b");
    let mut previous = name.len();
    name.push_str("TyyyyE");
    for _ in 0..14 {
        // Back references count the bytes behind `_R`, in base 62, less one.
        let reference = format!("B{}_", base_62(previous - 2 - 1));
        previous = name.len();
        name.push_str(&format!("T{}E", reference.repeat(16)));
    }
    name + "E"
}

fn base_62(number: usize) -> String {
    let mut digits = ('0'..='9').chain('a'..='z').chain('A'..='Z');
    let last = digits.nth(number % 62).unwrap_or('_');
    if number < 62 { last.into() } else { format!("{}{last}", base_62(number / 62)) }
}

/// Returns an `$inspect` that traps, in nested calls of a function with the given name, if an item starts with `{"q`.
fn trap_in(name: &str) -> String {
    include_str!("wat/trap_in.wat").replace("NAME", name)
}

/// A start function that traps and has a terminal's commands for a name.
const CONTROL_START: &str = r#"(func $begin (@name "\1b]0;title\07\0abulkhead: forged") (unreachable)) (start $begin)"#;

/// An `$inspect` that ignores the items.
const INSPECT_NOTHING: &str = "(func $inspect (param i32 i32))";

/// Returns the text of a validator. Its memory has `pages` pages at first. Its module contains `items`, which must define
/// `$inspect`, and `last` follows the module.
fn validator(pages: &str, items: &str, last: &str) -> String {
    let memory = format!(r#"(export "memory") {pages})"#);
    include_str!("wat/validator.wat")
        .replace(r#"(export "memory") MEMORY)"#, &memory)
        .replace("    ITEMS\n", &format!("{items}\n"))
        .replace("  LAST\n", &format!("{last}\n"))
}

fn idle_instances(count: usize) -> String {
    format!("(core module $idle) {}", "(core instance (instantiate $idle)) ".repeat(count))
}
