//! `bulkhead component`.

use std::error::Error;
use std::path::{Path, PathBuf};

use bulkhead::operations::{MAX_COMPONENT, ShownComponent};
use bulkhead::store::ComponentRecord;
use clap::Subcommand;

use super::operator::operations;
use super::store::StoreArgs;

/// What can be done with components. A running server knows of it at once.
#[derive(Debug, Subcommand)]
pub(super) enum ComponentCommand {
    /// Try a component and register it; prints what is registered as one JSON object.
    Add {
        /// A WebAssembly component of the world 'validator' or 'processor'.
        file: PathBuf,
        /// What to call it.
        #[arg(long)]
        name: Option<String>,
        /// Bytes that it may have.
        #[arg(long, value_name = "BYTES", default_value_t = MAX_COMPONENT)]
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

pub(super) fn run(command: ComponentCommand) -> Result<(), Box<dyn Error>> {
    match command {
        ComponentCommand::Add { file, name, max_size, store } => add(&file, name.as_deref(), max_size, &store),
        ComponentCommand::List { store } => {
            operations(&store, MAX_COMPONENT)?.components()?.into_iter().try_for_each(print)
        }
        ComponentCommand::Show { component, store } => print(operations(&store, MAX_COMPONENT)?.component(&component)?),
        ComponentCommand::Remove { component, store } => {
            operations(&store, MAX_COMPONENT)?.remove_component(&component)?;
            Ok(())
        }
    }
}

fn add(file: &Path, name: Option<&str>, max_size: usize, store: &StoreArgs) -> Result<(), Box<dyn Error>> {
    let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let added = operations(store, max_size)?
        .add_component(&bytes, name)
        .map_err(|error| format!("{}: {error}", file.display()))?;
    let seconds = added.compiled_in.as_secs_f64();
    eprintln!("{} in {seconds:.2} s", if added.is_new { "tried and registered" } else { "registered before; tried" });
    print(added.record)
}

fn print(record: ComponentRecord) -> Result<(), Box<dyn Error>> {
    println!("{}", serde_json::to_string(&ShownComponent::from(record))?);
    Ok(())
}
