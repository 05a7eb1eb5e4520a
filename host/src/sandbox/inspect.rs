//! The inspection of a component without compiling it: its kind of file, the world that it exports and the interfaces that
//! it imports. Bytes that cannot be registered are refused here, with a reason.
//!
//! [`check_kind`] and [`judge`] run in the server. [`read_contents`] goes through all bytes, so a server has it done by the
//! compiler's process.

use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, KnownCustom, Name, NameSectionReader, Parser, Payload, Validator, WasmFeatures};

use super::contracts::{Contract, PACKAGE, WITH_DRAFTS, world_of};
use super::error_text::{bounded, one_line};
use super::nesting::{NestingError, check_nesting};
use crate::domain::World;

/// Interfaces of WASI 0.2 that a guest can import. They give it no files, no network, no environment, and a clock that stands
/// still.
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
/// The beginning of the versions of these interfaces.
const GRANTED_VERSION: &str = "0.2.";

/// Why bytes cannot be registered as a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("refused at the step '{step}': {found}{}{advice}", self.gap())]
pub struct Refusal {
    /// The step that refused the bytes: `size`, `kind`, `world`, `imports`, `resources`, `compile`, `instantiate` or `batch`.
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

    /// Returns an empty line if a component printed something, so that the advice does not look like a part of it.
    fn gap(&self) -> &'static str {
        if self.found.contains('\n') { "\n\n" } else { " " }
    }

    /// Returns the refusal of a component of more than `most` bytes.
    #[must_use]
    pub fn too_large(most: usize) -> Self {
        Self::new(
            "size",
            format!("The component is larger than {most} bytes."),
            "Build it smaller: without debug information, optimised for size.",
        )
    }
}

/// What the inspection of a component found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The world that it exports; that of a processor if it exports both.
    pub world: World,
    /// The version of the contract that it was built against, such as `1.0.0`.
    pub contract: &'static str,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// The names of its imports.
    pub imports: Vec<String>,
    /// The largest initial memory of its modules, in bytes.
    pub memory: u64,
    /// The largest initial table of its modules, in elements.
    pub table: u64,
}

/// The parts of a component that are inspected.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Contents {
    exports: Vec<String>,
    imports: Vec<String>,
    memory: u64,
    table: u64,
    /// Bytes of the longest function name in the name sections of its modules.
    longest_name: usize,
}

/// Why a component's contents cannot be read. The texts are bounded.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ContentsError {
    /// The bytes are not a valid component.
    Damaged(String),
    /// The component is nested too deep.
    TooDeep(String),
    /// The names of imports and exports are too long together.
    LongNames,
}

impl From<wasmparser::BinaryReaderError> for ContentsError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Damaged(one_line(&bounded(error, MAX_FOUND_BYTES)))
    }
}

impl From<NestingError> for ContentsError {
    fn from(error: NestingError) -> Self {
        match error {
            NestingError::Damaged(error) => error.into(),
            NestingError::TooDeep => Self::TooDeep(error.to_string()),
        }
    }
}

impl From<ContentsError> for Refusal {
    fn from(error: ContentsError) -> Self {
        match error {
            ContentsError::Damaged(why) => {
                Self::new("kind", format!("The file is damaged: {why}."), "Build it again, and copy it as binary.")
            }
            ContentsError::TooDeep(why) => Self::new(
                "resources",
                format!("In this file, {why}."),
                "Compose it of components that stand beside each other.",
            ),
            ContentsError::LongNames => Self::new(
                "resources",
                format!("The names of its imports and exports have more than {MAX_NAMES_BYTES} bytes together."),
                "Build it with fewer imports and exports.",
            ),
        }
    }
}

/// Bytes of what a refusal says it found. It can quote names of imports and exports, which can be of any length.
const MAX_FOUND_BYTES: usize = 8 << 10;
/// Bytes of a function's name in a name section; the specification's tools allow an import as many. wasmtime copies the names
/// of all frames when a guest traps.
const MAX_FUNCTION_NAME_BYTES: usize = 100_000;
/// Bytes of the names of all imports and exports of the outermost component. A component from a compiler has about 1 KiB.
const MAX_NAMES_BYTES: usize = 64 << 10;
/// Bytes of a WebAssembly page.
const PAGE_BYTES: u64 = 64 << 10;

/// Judges what a component contains, for a server that serves these versions of the contract, the newest first.
///
/// # Errors
/// If the component exports no world of the contract, or imports an interface that is not granted.
pub(super) fn judge(contents: Contents, served: &'static [Contract]) -> Result<Inspected, Refusal> {
    let Contents { exports, imports, memory, table, longest_name } = contents;
    if longest_name > MAX_FUNCTION_NAME_BYTES {
        return Err(Refusal::new(
            "resources",
            format!("A function name has {longest_name} bytes; at most {MAX_FUNCTION_NAME_BYTES} are allowed."),
            "Build it without debug information, or strip it.",
        ));
    }
    let (contract, world) = find_world(&exports, served)?;
    let refused: Vec<&str> = imports.iter().map(String::as_str).filter(|name| !is_granted(name)).collect();
    if !refused.is_empty() {
        return Err(Refusal::new(
            "imports",
            format!("The component imports {}, which no component gets.", one_line(&refused.join(", "))),
            "Build it without these imports. A component gets the items, the profile and the stored contacts as arguments, and WASI 0.2 without access to anything.",
        ));
    }
    Ok(Inspected { world, contract: contract.version, exports, imports, memory, table })
}

/// Checks by the first bytes that a file is a component.
///
/// # Errors
/// If it is something else.
pub(super) fn check_kind(bytes: &[u8]) -> Result<(), Refusal> {
    const ADVICE: &str = "Register a WebAssembly component, such as a build for wasm32-wasip2.";
    let kind = |found: &str, advice: &str| Err(Refusal::new("kind", found, advice));
    let text = bytes.trim_ascii_start();
    if Parser::is_component(bytes) {
        return Ok(());
    }
    if Parser::is_core_wasm(bytes) {
        return kind(
            "This is a core module, not a component.",
            "Build for wasm32-wasip2, or wrap the module with 'wasm-tools component new'.",
        );
    }
    if bytes.starts_with(b"\x7fELF") {
        return kind(
            "This is compiled machine code (.cwasm), which is never accepted from outside.",
            "Register the .wasm file that it was compiled from.",
        );
    }
    if text.starts_with(b"(component") || text.starts_with(b"(module") || text.starts_with(b";;") {
        return kind("This is WebAssembly text (.wat).", "Translate it to binary with 'wasm-tools parse'.");
    }
    if is_wit(text) {
        return kind(
            "This is a text in WIT, which describes what a component offers, and has no code.",
            "Write a component for its world and build it; 'bulkhead component new' makes one to begin with. Then give the .wasm file.",
        );
    }
    if bytes.is_empty() {
        return kind("The file is empty.", ADVICE);
    }
    kind("This is not WebAssembly.", ADVICE)
}

/// Returns whether a text begins like one in WIT, after its comments.
fn is_wit(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with(b"//"));
    first.is_some_and(|line| {
        [&b"package "[..], b"interface ", b"world "].iter().any(|word| line.starts_with(word))
            && line.iter().any(|byte| matches!(byte, b':' | b'{'))
    })
}

/// Validates a component and reads the exports and imports of the outermost component, and the initial needs of the modules in
/// it.
///
/// # Errors
/// If the bytes are not a component, or larger than a server works with.
pub(super) fn read_contents(bytes: &[u8]) -> Result<Contents, ContentsError> {
    check_nesting(bytes)?;
    Validator::new_with_features(WasmFeatures::default()).validate_all(bytes)?;
    let mut contents = Contents::default();
    let (mut depth, mut names_bytes) = (0_usize, 0_usize);
    let mut name = |name: &str| {
        names_bytes += name.len();
        if names_bytes > MAX_NAMES_BYTES { Err(ContentsError::LongNames) } else { Ok(name.to_owned()) }
    };
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    contents.exports.push(name(export?.name.name)?);
                }
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    contents.imports.push(name(import?.name.name)?);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    contents.memory = contents.memory.max(memory?.initial.saturating_mul(PAGE_BYTES));
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

/// Returns the length of the longest function name. Unreadable parts are skipped, as wasmtime skips them.
fn longest_function_name(names: NameSectionReader<'_>) -> usize {
    let functions = names.into_iter().map_while(Result::ok).filter_map(|name| match name {
        Name::Function(functions) => Some(functions),
        _ => None,
    });
    functions.flatten().map_while(Result::ok).map(|naming| naming.name.len()).max().unwrap_or(0)
}

fn find_world(exports: &[String], served: &'static [Contract]) -> Result<(&'static Contract, World), Refusal> {
    if let Some(found) = world_of(exports, served) {
        return Ok(found);
    }
    let versions = served.iter().map(|contract| contract.version).collect::<Vec<_>>().join(" or ");
    let ours: Vec<&str> = exports.iter().map(String::as_str).filter(|export| export.starts_with(PACKAGE)).collect();
    if ours.is_empty() {
        let all = if exports.is_empty() { String::from("nothing") } else { one_line(&exports.join(", ")) };
        return Err(Refusal::new(
            "world",
            format!("The component exports {all}, and nothing of {PACKAGE}."),
            format!("Implement the world 'validator' or 'processor' of bulkhead:contacts@{versions}."),
        ));
    }
    Err(Refusal::new(
        "world",
        format!("The component exports {}, a version that this server does not know.", one_line(&ours.join(", "))),
        format!("Build it against bulkhead:contacts@{versions}, or run a newer server."),
    ))
}

fn is_granted(import: &str) -> bool {
    // Every component imports the types of the contract; there are no functions among them. One that exports a draft beside a
    // released version imports both.
    WITH_DRAFTS.iter().any(|contract| import == contract.interface("types"))
        || import
            .split_once('@')
            .is_some_and(|(interface, version)| GRANTED.contains(&interface) && version.starts_with(GRANTED_VERSION))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Inspected, Refusal, check_kind, is_granted, judge, read_contents};
    use crate::sandbox::contracts::RELEASED;

    fn inspect(bytes: &[u8]) -> Result<Inspected, Refusal> {
        check_kind(bytes)?;
        judge(read_contents(bytes)?, RELEASED)
    }

    #[test]
    fn only_listed_interfaces_are_granted() {
        for granted in [
            "wasi:cli/stdout@0.2.6",
            "wasi:sockets/tcp@0.2.0",
            "bulkhead:contacts/types@1.0.0",
            "bulkhead:contacts/types@1.1.0-draft",
        ] {
            assert!(is_granted(granted), "{granted}");
        }
        for other in [
            "wasi:cli/unknown@0.2.0",
            "wasi:cli/stdout@0.3.0",
            "wasi:cli/stdout",
            "wasi:http/types@0.2.6",
            "bulkhead:contacts/types@2.0.0",
            "acme:secret/vault@1.0.0",
        ] {
            assert!(!is_granted(other), "{other}");
        }
    }

    #[test]
    fn the_refusal_names_the_kind_of_file() {
        for (bytes, part) in [
            (&b""[..], "empty"),
            (b"hello", "not WebAssembly"),
            (b"// What is offered.\n\npackage bulkhead:contacts@1.0.0;\n", "WIT"),
            (b"world processor {\n}", "WIT"),
            (b"package main\n\nimport \"fmt\"", "not WebAssembly"),
            (b"\0asm\x01\0\0\0", "core module"),
            (b"\0asm\x0d\0\x01\0", "exports nothing"),
            (b"\x7fELF....", "machine code"),
            (b"  (component)", "text"),
            (b"(module)", "text"),
            (b"\0asm\x0d\0\x01\0\xff", "damaged"),
        ] {
            let refusal = inspect(bytes).unwrap_err().to_string();
            assert!(refusal.contains(part), "{refusal}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_inspection_panic(tail: Vec<u8>) {
            drop(inspect(&tail));
            drop(inspect(&[b"\0asm\x0d\0\x01\0", tail.as_slice()].concat()));
        }
    }
}
