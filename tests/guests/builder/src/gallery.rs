//! What is made.

/// Everything by its name, as text.
pub(crate) fn texts() -> Vec<(&'static str, String)> {
    let more = |more: &str| format!("{more} {SEE}");
    vec![
        // Fine, and the smallest there is.
        ("plain", plain()),
        // Takes elements of a table, or tries to.
        ("tables", validator("1", include_str!("wat/tables.wat"), "")),
        // Needs 512 MiB of memory, more than an instance may take,
        ("large-memory", validator("8192", SEE, "")),
        // or 2 GiB, more than there is room for,
        ("huge-memory", validator("32768", SEE, "")),
        // or a table of a million elements,
        ("huge-table", validator("1", &more("(table 1000000 funcref)"), "")),
        // or twenty small tables,
        ("many-tables", validator("1", &more(&"(table 1 funcref) ".repeat(20)), "")),
        // or 300 instances of an empty module.
        ("many-instances", validator("1", SEE, &idle_instances(300))),
        // Computes for ever before anything is called,
        ("start-loop", validator("1", &more("(func $begin (loop $again (br $again))) (start $begin)"), "")),
        // or traps there.
        ("start-trap", validator("1", &more("(func $begin (unreachable)) (start $begin)"), "")),
        // Traps when it is to see the items,
        ("batch-trap", validator("1", "(func $see (param i32 i32) (unreachable))", "")),
        // or at the start already, and is too large as well.
        ("large-and-trapping", validator("8192", &more("(func $begin (unreachable)) (start $begin)"), "")),
        // Traps on an item that begins with {"q, in a function whose C++ name is some 400 bytes long and unbounded when a
        // demangler writes it out,
        ("mangled-name", validator("1", &trap_in(&expanding_name()), "")),
        // or whose name is as long as it may be,
        ("long-name", validator("1", &trap_in(&"n".repeat(MAX_NAME_BYTES)), "")),
        // or longer,
        ("longer-name", validator("1", &trap_in(&"n".repeat(MAX_NAME_BYTES + 1)), "")),
        // or would clear a terminal and forge a line of a log.
        ("control-name", validator("1", &trap_in("\\1b[2J\\0a{\\22level\\22:\\22ERROR\\22}"), "")),
        // Exports wasi:cli/run alone.
        ("stranger", String::from(include_str!("wat/stranger.wat"))),
        // A module, not a component.
        ("module", String::from(r#"(module (memory (export "memory") 1))"#)),
    ]
}

/// A validator to which everything is fine.
pub(crate) fn plain() -> String {
    validator("1", SEE, "")
}

/// Bytes of a function's name that registration allows.
const MAX_NAME_BYTES: usize = 100_000;

/// A C++ name in which each template argument stands for sixteen of the one before, fourteen times over.
fn expanding_name() -> String {
    let mut name = format!("_Z1f1A1PI{}E", "S_".repeat(16));
    for level in 1..14 {
        // Substitutions count in base 36.
        let digit = char::from_digit(level, 36).map_or('Z', |digit| digit.to_ascii_uppercase());
        name.push_str(&format!("S0_I{}E", format!("S{digit}_").repeat(16)));
    }
    name
}

/// A `$see` that traps in 16 frames of a function with this name as soon as an item begins with `{"q`.
fn trap_in(name: &str) -> String {
    include_str!("wat/trap_in.wat").replace("NAME", name)
}

/// Sees nothing in the items.
const SEE: &str = "(func $see (param i32 i32))";

/// One with so many pages of memory to begin with, `more` in its module, which includes `$see`, and `last` after it.
fn validator(memory: &str, more: &str, last: &str) -> String {
    let memory = format!(r#"(export "memory") {memory})"#);
    include_str!("wat/validator.wat")
        .replace(r#"(export "memory") MEMORY)"#, &memory)
        .replace("    MORE\n", &format!("{more}\n"))
        .replace("  LAST\n", &format!("{last}\n"))
}

fn idle_instances(count: usize) -> String {
    format!("(core module $idle) {}", "(core instance (instantiate $idle)) ".repeat(count))
}
