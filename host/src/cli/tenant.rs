//! `bulkhead tenant`.

use std::error::Error;
use std::path::{Path, PathBuf};

use bulkhead::domain::Assignment;
use bulkhead::operations::{MAX_COMPONENT, ShownAssignment, TenantSettings, Wanted};
use bulkhead::tenants::{Profile, TenantLimits, TenantName, generate};
use clap::Subcommand;
use serde::Serialize;

use super::operator::{open, operations};
use super::output::print_line;
use super::store::StoreArgs;

/// What can be done with tenants. A running server knows of it at once.
#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Add a tenant; prints its credentials as one JSON object. The secret is shown this once.
    Add {
        /// 1 to 63 lower-case letters, digits, '-' and '_'.
        name: TenantName,
        /// JSON: what this tenant changes about fields, and its owners, stages and companies.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List tenants, one JSON object a line.
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Change a tenant; jobs that were accepted keep the components they were accepted with. Prints its components.
    Set {
        /// Its name.
        name: TenantName,
        /// The component that adds rules: its name, its digest or the beginning of that; or 'none'.
        #[arg(long, value_name = "COMPONENT")]
        validator: Option<String>,
        /// The component that decides everything; or 'default'.
        #[arg(long, value_name = "COMPONENT")]
        processor: Option<String>,
        /// JSON: a new profile.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
        /// JSON: limits that differ from the defaults, such as {"memoryMiB":64}.
        #[arg(long, value_name = "FILE")]
        limits: Option<PathBuf>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Give a tenant back the components that it had before the last change of them. Prints its components.
    Rollback {
        /// Its name.
        name: TenantName,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List all limits that tenants have, one JSON object a line.
    Limits,
    /// Remove a tenant with its credentials, jobs and contacts.
    Remove {
        /// Its name.
        name: TenantName,
        #[command(flatten)]
        store: StoreArgs,
    },
}

#[derive(Serialize)]
struct Added<'a> {
    tenant: &'a str,
    client_id: &'a str,
    client_secret: &'a str,
}

pub(super) fn run(command: TenantCommand) -> Result<(), Box<dyn Error>> {
    match command {
        TenantCommand::Add { name, profile, store } => add(&name, profile, &store),
        TenantCommand::List { store } => {
            for tenant in open(&store)?.tenants()? {
                print_line(serde_json::to_string(&tenant)?)?;
            }
            Ok(())
        }
        TenantCommand::Set { name, validator, processor, profile, limits, store } => {
            set(&name, processor, validator, [profile, limits], &store)
        }
        TenantCommand::Rollback { name, store } => {
            print_assignment(&name, operations(&store, MAX_COMPONENT)?.roll_back_tenant(name.as_str())?)
        }
        TenantCommand::Limits => {
            for rule in TenantLimits::RULES {
                print_line(serde_json::to_string(rule)?)?;
            }
            Ok(())
        }
        TenantCommand::Remove { name, store } => {
            if open(&store)?.remove_tenant(name.as_str())? {
                Ok(())
            } else {
                Err(format!("there is no tenant '{}'; 'bulkhead tenant list' shows those there are", name.as_str())
                    .into())
            }
        }
    }
}

fn add(name: &TenantName, profile: Option<PathBuf>, store: &StoreArgs) -> Result<(), Box<dyn Error>> {
    let profile = match &profile {
        None => Profile::default(),
        Some(path) => read_profile(path, store)?,
    };
    let (credential, secret) = generate(name)?;
    if open(store)?.add_tenant(name.as_str(), &profile, &credential)?.is_none() {
        return Err(
            format!("there is a tenant '{}' already; remove it first, or choose another name", name.as_str()).into()
        );
    }
    let added = Added { tenant: name.as_str(), client_id: &credential.client_id, client_secret: secret.reveal() };
    print_line(serde_json::to_string(&added)?)?;
    Ok(())
}

fn set(
    name: &TenantName,
    processor: Option<String>,
    validator: Option<String>,
    files: [Option<PathBuf>; 2],
    store: &StoreArgs,
) -> Result<(), Box<dyn Error>> {
    let [profile, limits] = files.map(|file| file.map(|path| read(&path)).transpose());
    let settings = TenantSettings {
        profile: profile?,
        limits: limits?,
        processor: processor.map(Wanted::processor),
        validator: validator.map(Wanted::validator),
    };
    if settings == TenantSettings::default() {
        return Err("say what to change: --validator, --processor, --profile or --limits".into());
    }
    print_assignment(name, operations(store, MAX_COMPONENT)?.set_tenant(name.as_str(), &settings)?)
}

fn print_assignment(name: &TenantName, assigned: Assignment) -> Result<(), Box<dyn Error>> {
    print_line(serde_json::to_string(&ShownAssignment::new(name.as_str(), assigned))?)?;
    Ok(())
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    Ok(std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?)
}

/// Reads a profile and has the component check what only it can judge.
fn read_profile(path: &Path, store: &StoreArgs) -> Result<Profile, Box<dyn Error>> {
    let checked = operations(store, MAX_COMPONENT)?.check_new_profile(&read(path)?);
    Ok(checked.map_err(|error| format!("{}: {error}", path.display()))?)
}
