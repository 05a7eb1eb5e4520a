//! What can be said of a component without compiling it: what kind of file it is, which world it exports and what it asks
//! for. A stranger's bytes are refused here in microseconds, and in words.

use wasmparser::{Encoding, KnownCustom, Name, NameSectionReader, Parser, Payload, Validator, WasmFeatures};

use super::contract::{Contract, PACKAGE, world_of};
use super::error_text::bounded;
use crate::domain::World;

/// Interfaces of WASI 0.2 that a guest gets, with nothing in them: no files, no network, no environment, a clock that
/// stands still.
const GRANTED: [&str; 27] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];
const GRANTED_VERSION: &str = "0.2.";

/// Why bytes cannot be registered: at which step, what was found, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused at the step '{step}': {found}{}{advice}", self.gap())]
pub struct Refusal {
    /// The step that refused it: `size`, `kind`, `world`, `imports`, `compile`, `resources`, `instantiate` or `batch`.
    pub step: &'static str,
    /// What was found, in a sentence.
    pub found: String,
    /// What to do, in a sentence.
    pub advice: String,
}

impl Refusal {
    pub(crate) fn new(step: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let found: String = found.into();
        Self { step, found: bounded(found, MAX_FOUND_BYTES), advice: advice.into() }
    }

    /// What a component printed ends somewhere, and what to do must not look like a part of it.
    fn gap(&self) -> &'static str {
        if self.found.contains('\n') { "\n\n" } else { " " }
    }

    /// The refusal of a component of more than `most` bytes.
    #[must_use]
    pub fn too_large(most: usize) -> Self {
        Self::new(
            "size",
            format!("It has more than the {most} bytes that are allowed."),
            "Build it smaller: without debug information, optimised for size.",
        )
    }
}

/// What a component says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// What it is; a processor if it is both.
    pub world: World,
    /// By which version of the contract.
    pub contract: Contract,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it imports.
    pub imports: Vec<String>,
    /// The largest memory that one of its modules has from the start, in bytes.
    pub memory: u64,
    /// The largest table that one of its modules has from the start, in elements.
    pub table: u64,
}

/// What is read out of a component.
#[derive(Default)]
struct Contents {
    exports: Vec<String>,
    imports: Vec<String>,
    memory: u64,
    table: u64,
    /// Bytes of the longest name that a module gives one of its functions.
    longest_name: usize,
}

/// Most bytes that a refusal quotes of what it found; a component names its imports and exports as it likes.
const MAX_FOUND_BYTES: usize = 8 << 10;
/// Most bytes of a function's name in a component's name section: what the specification's tools allow an import. wasmtime
/// copies the names of all frames when a guest traps.
const MAX_FUNCTION_NAME_BYTES: usize = 100_000;
/// Bytes of a WebAssembly page.
const PAGE: u64 = 64 << 10;

/// Looks at a component for a host that serves these versions of the contract, the newest first.
///
/// # Errors
/// If it is no component, exports no world of the contract, or imports what is not granted.
pub fn inspect(bytes: &[u8], served: &[Contract]) -> Result<Inspected, Refusal> {
    check_kind(bytes)?;
    Validator::new_with_features(WasmFeatures::default()).validate_all(bytes).map_err(|error| {
        Refusal::new("kind", format!("It is damaged: {error}."), "Build it again, and copy it as binary.")
    })?;
    let Contents { exports, imports, memory, table, longest_name } = contents(bytes).map_err(|error| {
        Refusal::new("kind", format!("It is damaged: {error}."), "Build it again, and copy it as binary.")
    })?;
    if longest_name > MAX_FUNCTION_NAME_BYTES {
        return Err(Refusal::new(
            "resources",
            format!("It names a function with {longest_name} bytes, and {MAX_FUNCTION_NAME_BYTES} are allowed."),
            "Build it without debug information, or strip it.",
        ));
    }
    let (contract, world) = world(&exports, served)?;
    let refused: Vec<&str> = imports.iter().map(String::as_str).filter(|name| !is_granted(name, served)).collect();
    if !refused.is_empty() {
        return Err(Refusal::new(
            "imports",
            format!("It imports {}, which no component is given.", refused.join(", ")),
            "Build it without them: a component gets its items, the profile and stored contacts as arguments, and WASI 0.2 with nothing in it.",
        ));
    }
    Ok(Inspected { world, contract, exports, imports, memory, table })
}

fn check_kind(bytes: &[u8]) -> Result<(), Refusal> {
    let kind = |found: &str, advice: &str| Err(Refusal::new("kind", found, advice));
    let text = bytes.trim_ascii_start();
    if Parser::is_component(bytes) {
        return Ok(());
    }
    if Parser::is_core_wasm(bytes) {
        return kind(
            "It is a core module, not a component.",
            "Build for wasm32-wasip2, or wrap the module with 'wasm-tools component new'.",
        );
    }
    if bytes.starts_with(b"\x7fELF") {
        return kind(
            "It is compiled machine code (.cwasm), which is never taken from outside.",
            "Give the .wasm it was compiled from.",
        );
    }
    if text.starts_with(b"(component") || text.starts_with(b"(module") || text.starts_with(b";;") {
        return kind("It is WebAssembly text (.wat).", "Translate it with 'wasm-tools parse'.");
    }
    if bytes.is_empty() {
        return kind("It is empty.", "Give a WebAssembly component, such as a build for wasm32-wasip2 makes.");
    }
    kind("It is no WebAssembly.", "Give a WebAssembly component, such as a build for wasm32-wasip2 makes.")
}

/// The names that the outermost component exports and imports, and what the modules in it need from the start.
fn contents(bytes: &[u8]) -> wasmparser::Result<Contents> {
    let mut contents = Contents::default();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    contents.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    contents.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    contents.memory = contents.memory.max(memory?.initial.saturating_mul(PAGE));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    contents.table = contents.table.max(table?.ty.initial);
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    contents.longest_name = contents.longest_name.max(longest_function_name(names));
                }
            }
            _ => {}
        }
    }
    Ok(contents)
}

/// Returns the length of the longest function name. What cannot be read is skipped, as wasmtime skips it.
fn longest_function_name(names: NameSectionReader<'_>) -> usize {
    let functions = names.into_iter().map_while(Result::ok).filter_map(|name| match name {
        Name::Function(functions) => Some(functions),
        _ => None,
    });
    functions.flatten().map_while(Result::ok).map(|naming| naming.name.len()).max().unwrap_or(0)
}

fn world(exports: &[String], served: &[Contract]) -> Result<(Contract, World), Refusal> {
    if let Some(found) = world_of(exports, served) {
        return Ok(found);
    }
    let versions = served.iter().map(|contract| contract.as_str()).collect::<Vec<_>>().join(" or ");
    let ours: Vec<&str> = exports.iter().map(String::as_str).filter(|export| export.starts_with(PACKAGE)).collect();
    if ours.is_empty() {
        let all = if exports.is_empty() { String::from("nothing") } else { exports.join(", ") };
        return Err(Refusal::new(
            "world",
            format!("It exports {all}, and nothing of {PACKAGE}."),
            format!("Implement the world 'validator' or 'processor' of bulkhead:contacts@{versions}."),
        ));
    }
    Err(Refusal::new(
        "world",
        format!("It exports {}, a version this server does not know.", ours.join(", ")),
        format!("Build it against bulkhead:contacts@{versions}, or run a newer server."),
    ))
}

fn is_granted(import: &str, served: &[Contract]) -> bool {
    // The words of the contract are imported by every component; they are types and no functions.
    served.iter().any(|contract| import == contract.interface("types"))
        || import
            .split_once('@')
            .is_some_and(|(interface, version)| GRANTED.contains(&interface) && version.starts_with(GRANTED_VERSION))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{inspect, is_granted};
    use crate::sandbox::Contract;

    const SERVED: &[Contract] = Contract::RELEASED;

    #[test]
    fn only_what_is_there_is_granted() {
        for granted in ["wasi:cli/stdout@0.2.6", "wasi:sockets/tcp@0.2.0", "bulkhead:contacts/types@1.0.0"] {
            assert!(is_granted(granted, SERVED), "{granted}");
        }
        for other in [
            "wasi:cli/unknown@0.2.0",
            "wasi:cli/stdout@0.3.0",
            "wasi:cli/stdout",
            "wasi:http/types@0.2.6",
            "bulkhead:contacts/types@1.1.0",
            "acme:secret/vault@1.0.0",
        ] {
            assert!(!is_granted(other, SERVED), "{other}");
        }
    }

    #[test]
    fn files_of_other_kinds_are_told_apart() {
        for (bytes, part) in [
            (&b""[..], "empty"),
            (b"hello", "no WebAssembly"),
            (b"\0asm\x01\0\0\0", "core module"),
            (b"\0asm\x0d\0\x01\0", "exports nothing"),
            (b"\x7fELF....", "machine code"),
            (b"  (component)", "text"),
            (b"(module)", "text"),
            (b"\0asm\x0d\0\x01\0\xff", "damaged"),
        ] {
            let refusal = inspect(bytes, SERVED).unwrap_err().to_string();
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(tail: Vec<u8>) {
            drop(inspect(&tail, SERVED));
            drop(inspect(&[b"\0asm\x0d\0\x01\0", tail.as_slice()].concat(), SERVED));
        }
    }
}
