//! `bulkhead component`.

mod check;
mod new;
mod table;
mod trial;
mod watch;
mod workshop;

use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bulkhead::operations::{ComponentView, MAX_COMPONENT_BYTES};
use bulkhead::sandbox::Refusal;
use bulkhead::store::ComponentRecord;
use clap::Subcommand;

use super::operator::operations;
use super::output::print_line;
use super::store::StoreArgs;

/// What can be done with components. A running server knows of it at once.
#[derive(Debug, Subcommand)]
pub(super) enum ComponentCommand {
    /// Make a folder that a component can be built from.
    New(new::NewArgs),
    /// Say what a component exports, imports and needs; refuses what `add` would refuse. Needs no server.
    Check(check::CheckArgs),
    /// Run a component on a file of contacts as a server would, without one.
    Try(trial::TryArgs),
    /// Run a component on a table of contacts and what is expected of them, without a server.
    Test(table::TestArgs),
    /// Try a component and register it; prints what is registered as one JSON object.
    Add {
        /// A WebAssembly component of the world 'validator' or 'processor'.
        file: PathBuf,
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
        /// Bytes that it may have.
        #[arg(long, value_name = "BYTES", default_value_t = MAX_COMPONENT_BYTES)]
        max_size: usize,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List components, one JSON object a line.
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show one component and who uses it.
    Show {
        /// Its name, its digest, or the beginning of its digest.
        component: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Remove a component that nobody uses.
    Remove {
        /// Its name, its digest, or the beginning of its digest.
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
        ComponentCommand::Add { file, name, max_size, store } => add(&file, name.as_deref(), max_size, &store)?,
        ComponentCommand::List { store } => {
            operations(&store, MAX_COMPONENT_BYTES)?.components()?.into_iter().try_for_each(print)?;
        }
        ComponentCommand::Show { component, store } => {
            print(operations(&store, MAX_COMPONENT_BYTES)?.component(&component)?)?
        }
        ComponentCommand::Remove { component, store } => {
            operations(&store, MAX_COMPONENT_BYTES)?.remove_component(&component)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn add(file: &Path, name: Option<&str>, max_size: usize, store: &StoreArgs) -> Result<(), Box<dyn Error>> {
    let bytes = read(file, max_size)?;
    let added = operations(store, max_size)?
        .add_component(&bytes, name)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let seconds = added.compiled_in.as_secs_f64();
    eprintln!("{} in {seconds:.2} s", if added.is_new { "tried and registered" } else { "registered before; tried" });
    print(added.record)
}

/// A component's file, refused as too large before all of it is read.
fn read(file: &Path, most: usize) -> Result<Vec<u8>, Box<dyn Error>> {
    let wrong = |why: &dyn Display| format!("{}: {why}", file.display());
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(|error| wrong(&error))?;
    if bytes.len() > most {
        return Err(wrong(&Refusal::too_large(most)).into());
    }
    Ok(bytes)
}

fn print(record: ComponentRecord) -> Result<(), Box<dyn Error>> {
    print_line(serde_json::to_string(&ComponentView::from(record))?)?;
    Ok(())
}
