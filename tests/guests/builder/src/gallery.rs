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
