//! `bulkhead tenant`.

use std::error::Error;
use std::path::PathBuf;

use bulkhead::clock::Clock;
use bulkhead::sandbox::{Cancel, Instance, Limits, Sandbox};
use bulkhead::store::Store as _;
use bulkhead::store::sqlite::SqliteStore;
use bulkhead::tenants::{Profile, TenantName, generate};
use clap::Subcommand;
use serde::Serialize;

use super::StoreArgs;
use super::serve::DEFAULT_COMPONENT;

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
                println!("{}", serde_json::to_string(&tenant)?);
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
    let text = match &profile {
        None => String::from("{}"),
        Some(path) => read_profile(path, store)?,
    };
    let (credential, secret) = generate(name)?;
    if open(store)?.add_tenant(name.as_str(), &text, &credential)?.is_none() {
        return Err(
            format!("there is a tenant '{}' already; remove it first, or choose another name", name.as_str()).into()
        );
    }
    let added = Added { tenant: name.as_str(), client_id: &credential.client_id, client_secret: secret.reveal() };
    println!("{}", serde_json::to_string(&added)?);
    Ok(())
}

/// Reads a profile and has the component check what only it can judge.
fn read_profile(path: &PathBuf, store: &StoreArgs) -> Result<String, Box<dyn Error>> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let profile = Profile::parse(&text).map_err(|error| wrong(&error))?;
    let sandbox = Sandbox::new(Some(store.data.join("compiled")))?;
    let processor = sandbox.load_processor(DEFAULT_COMPONENT)?;
    let mut instance = Instance::start(&sandbox, &processor, &Limits::default(), &Cancel::default())
        .map_err(|stop| format!("the component cannot start: {stop:?}"))?;
    instance.fields(&profile).map_err(|error| wrong(&error))?;
    Ok(text)
}

fn open(store: &StoreArgs) -> Result<SqliteStore, Box<dyn Error>> {
    Ok(SqliteStore::open(&store.data, Clock::system())?)
}
