//! `bulkhead component`.

mod check;
mod compilation;
mod failures;
mod field_notes;
mod junit;
mod local_service;
mod new;
mod table;
mod trial;
mod watch;

use std::error::Error;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulkhead::operations::{ComponentView, MAX_COMPONENT_BYTES, OperationError, Operations};
use bulkhead::sandbox::Refusal;
use bulkhead::store::ComponentRecord;
use clap::Subcommand;

use compilation::Compilation;

use super::operator::{operations, operations_or_new_store};
use super::output::print_json;
use super::store::StoreArgs;
use super::text_file::{file_error, open_file};

/// The word for the default processor.
const DEFAULT: &str = "default";

/// Commands about components. Changes apply to running servers at once.
#[derive(Debug, Subcommand)]
pub(super) enum ComponentCommand {
    /// Create a folder with the source of a new component.
    New(new::NewArgs),
    /// Show what a component exports, imports and needs, without a server. Refuses components that `add` would refuse.
    Check(check::CheckArgs),
    /// Run a component on a file of contacts as a server would, without a server.
    #[command(after_help = "Exit status: 0, 1 if the component failed on a contact (status 500), 2 if it was refused.")]
    Try(trial::TryArgs),
    /// Run a component on a table of contacts and expected results, without a server.
    #[command(after_help = "Exit status: 0, 1 if a case failed, 2 if the component or the table was refused.")]
    Test(table::TestArgs),
    /// Try a component and register it. Prints the registered component as one JSON object.
    Add {
        /// A WebAssembly component of the world 'validator' or 'processor'.
        file: PathBuf,
        /// A name for the component.
        #[arg(long)]
        name: Option<String>,
        /// Take the name from the component that has it, as for a new version. Tenants keep their components.
        #[arg(long, requires = "name")]
        move_name: bool,
        /// Maximum bytes of the component.
        #[arg(long, value_name = "BYTES", default_value_t = MAX_COMPONENT_BYTES)]
        max_size: usize,
        /// Make the store if there is none.
        #[arg(long)]
        create: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List components, one JSON object per line.
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show a component, and the tenants and jobs that use it, as one JSON object.
    Show {
        /// The component's name, its digest, or the beginning of its digest; or 'default', the built-in processor.
        component: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Remove a component that no tenant and no unfinished job uses.
    Remove {
        /// The component's name, its digest, or the beginning of its digest.
        component: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) fn run(command: ComponentCommand) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        ComponentCommand::New(args) => new::run(&args)?,
        ComponentCommand::Check(args) => check::run(&args)?,
        ComponentCommand::Try(args) => return trial::run(&args),
        ComponentCommand::Test(args) => return table::run(&args),
        ComponentCommand::Add { file, name, move_name, max_size, create, store } => {
            let bytes = read(&file, max_size)?;
            let operations = operations_or_new_store(&store, create, max_size)?;
            add(&file, &bytes, name.as_deref(), move_name, &operations)?;
        }
        ComponentCommand::List { store } => {
            operations(&store, MAX_COMPONENT_BYTES)?.components()?.into_iter().try_for_each(print)?;
        }
        ComponentCommand::Show { component, store } => show(&component, &operations(&store, MAX_COMPONENT_BYTES)?)?,
        ComponentCommand::Remove { component, store } => {
            operations(&store, MAX_COMPONENT_BYTES)?.remove_component(&component)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(reference: &str, operations: &Operations) -> Result<(), Box<dyn Error>> {
    match operations.component(reference) {
        Err(OperationError::UnknownComponent(unknown)) if unknown == DEFAULT => Err(
            "the default processor of this program is not registered, because no server was started with it; 'bulkhead component list' shows all components, each with the digest to give"
                .into(),
        ),
        found => {
            print(found?)?;
            if reference == DEFAULT {
                eprintln!("note: this is the built-in processor; a server that was started with --component has that one instead");
            }
            Ok(())
        }
    }
}

fn add(
    file: &Path,
    bytes: &[u8],
    name: Option<&str>,
    moves_name: bool,
    operations: &Operations,
) -> Result<(), Box<dyn Error>> {
    let failed = |error| format!("{}: {error}", file.display());
    Compilation::announce(file, bytes, operations.is_compiled(bytes).map_err(failed)?);
    let added = operations.add_component(bytes, name, moves_name).map_err(failed)?;
    let seconds = added.compiled_in.as_secs_f64();
    eprintln!(
        "{} in {seconds:.2} s",
        if added.is_new { "tried and registered" } else { "tried; was registered already" }
    );
    print(added.record)
}

/// Reads a component's file, and at most one byte more than `max_bytes` of it.
///
/// # Errors
/// If the file is too large, is source code, is no ordinary file or cannot be read; the error names it.
pub(super) fn read(file: &Path, max_bytes: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    open_file(file)?.take(limit).read_to_end(&mut bytes).map_err(|error| file_error(file, &error))?;
    if bytes.len() > max_bytes {
        return Err(format!("{}: {}", file.display(), Refusal::too_large(max_bytes)));
    }
    if let Some(advice) = source_advice(file).filter(|_| !bytes.starts_with(b"\0asm")) {
        return Err(format!(
            "{}: this is source code, and a component is what is built of it. {advice}",
            file.display()
        ));
    }
    Ok(bytes)
}

/// Says how a component is built of a file of source code, by the file's name.
fn source_advice(file: &Path) -> Option<&'static str> {
    Some(match file.extension()?.to_str()? {
        "rs" | "toml" => {
            "Run 'cargo build --release --target wasm32-wasip2', and give target/wasm32-wasip2/release/NAME.wasm"
        }
        "js" | "mjs" | "ts" => {
            "Build it as the README of 'bulkhead component new --lang js' says, and give the .wasm file"
        }
        "py" => "Build it as the README of 'bulkhead component new --lang python' says, and give the .wasm file",
        "go" | "c" | "cc" | "cpp" | "cs" | "java" | "kt" | "rb" | "php" | "zig" => {
            "Build it for wasm32-wasip2, and give the .wasm file"
        }
        _ => return None,
    })
}

fn print(record: ComponentRecord) -> Result<(), Box<dyn Error>> {
    print_json(&ComponentView::from(record))?;
    Ok(())
}
