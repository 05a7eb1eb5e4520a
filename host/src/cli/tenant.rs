//! `bulkhead tenant`.

mod secret;

use std::error::Error;
use std::io::{self, BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use bulkhead::operations::{
    AddedTenantView, AssignmentView, ComponentChoice, MAX_COMPONENT_BYTES, OperationError, Operations,
    RemovedTenantView, TenantSettings,
};
use bulkhead::sandbox::RefusedSample;
use bulkhead::tenants::{TenantLimits, TenantName};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::operator;
use super::output::print_json;
use super::printable::Printable;
use super::store::StoreArgs;
use super::text_file::{in_file, read_text};

/// Bytes of an answer to a question that are read.
const MAX_ANSWER_BYTES: u64 = 1 << 10;

/// The components of a tenant.
#[derive(Debug, Args)]
pub(super) struct ComponentArgs {
    /// The validator, which adds rules: a component's name, its digest, or the beginning of its digest; or 'none'.
    #[arg(long, value_name = "COMPONENT")]
    validator: Option<String>,
    /// The processor, which decides everything: a component as above; or 'default'.
    #[arg(long, value_name = "COMPONENT")]
    processor: Option<String>,
}

/// Commands about tenants. Changes apply to running servers at once.
#[derive(Debug, Subcommand)]
pub(super) enum TenantCommand {
    /// Add a tenant, after its components were tried with its profile and limits. Prints its credentials as one JSON object;
    /// the secret cannot be shown again.
    Add {
        /// 1 to 63 lower-case letters, digits, '-' and '_'.
        name: TenantName,
        /// JSON: the tenant's profile, with changes to fields, and owners, stages and companies.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
        #[command(flatten)]
        components: ComponentArgs,
        /// JSON: the limits that differ from the defaults, such as {"memoryMiB":64}.
        #[arg(long, value_name = "FILE")]
        limits: Option<PathBuf>,
        /// Make the store if there is none.
        #[arg(long)]
        create: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List tenants, one JSON object per line.
    List {
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show a tenant with its components, what a rollback would give, its profile, limits and usage, as one JSON object.
    Show {
        /// The tenant's name.
        name: TenantName,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Change a tenant, after its components were tried with its profile and limits. Accepted jobs keep their components and
    /// profile. Prints the tenant's components.
    Set {
        /// The tenant's name.
        name: TenantName,
        #[command(flatten)]
        components: ComponentArgs,
        /// JSON: the new profile.
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
        /// JSON: the limits that differ from the defaults, such as {"memoryMiB":64}.
        #[arg(long, value_name = "FILE")]
        limits: Option<PathBuf>,
        /// Check and try everything, and change nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Give a tenant back the components it had before they were last changed. Prints the tenant's components.
    Rollback {
        /// The tenant's name.
        name: TenantName,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Add, list and revoke a tenant's secrets.
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// List all limits of tenants, with defaults and ranges, one JSON object per line.
    Limits,
    /// Remove a tenant with its credentials, jobs and contacts, after a question. Prints what was removed.
    Remove {
        /// The tenant's name.
        name: TenantName,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) fn run(command: TenantCommand) -> Result<(), Box<dyn Error>> {
    match command {
        TenantCommand::Add { name, profile, components, limits, create, store } => {
            let files = Files { profile, limits };
            let settings = files.settings(components)?;
            let added = operator::operations_or_new_store(&store, create, MAX_COMPONENT_BYTES)?
                .add_tenant(name, &settings)
                .map_err(|error| files.name(error))?;
            note(added.refused_sample.as_ref());
            print(&AddedTenantView::from(&added))
        }
        TenantCommand::List { store } => operations(&store)?.tenants()?.iter().try_for_each(print),
        TenantCommand::Show { name, store } => print(&operations(&store)?.tenant(name.as_str())?),
        TenantCommand::Set { name, components, profile, limits, dry_run, store } => {
            set(&name, components, &Files { profile, limits }, dry_run, &store)
        }
        TenantCommand::Rollback { name, store } => {
            let operations = operations(&store)?;
            let changed = operations.roll_back_tenant(name.as_str(), None)?;
            note(changed.refused_sample.as_ref());
            print(&AssignmentView::new(name.as_str(), &changed, &operations.component_names()?))
        }
        TenantCommand::Secret(command) => secret::run(command),
        TenantCommand::Limits => TenantLimits::RULES.iter().try_for_each(print),
        TenantCommand::Remove { name, yes, store } => remove(&name, yes, &operations(&store)?),
    }
}

fn set(
    name: &TenantName,
    components: ComponentArgs,
    files: &Files,
    dry_run: bool,
    store: &StoreArgs,
) -> Result<(), Box<dyn Error>> {
    let settings = files.settings(components)?;
    if settings == TenantSettings::default() {
        return Err("give at least one of --validator, --processor, --profile and --limits".into());
    }
    let operations = operations(store)?;
    let changed = if dry_run {
        operations.try_settings(name.as_str(), &settings)
    } else {
        operations.set_tenant(name.as_str(), &settings, None)
    };
    let changed = changed.map_err(|error| files.name(error))?;
    note(changed.refused_sample.as_ref());
    print(&AssignmentView::new(name.as_str(), &changed, &operations.component_names()?).dry_run(dry_run))
}

/// The files with a tenant's settings that arguments name.
struct Files {
    profile: Option<PathBuf>,
    limits: Option<PathBuf>,
}

impl Files {
    /// Reads the settings that arguments give or that are in the files.
    fn settings(&self, components: ComponentArgs) -> Result<TenantSettings, String> {
        let read = |file: Option<&PathBuf>| file.map(|path| read_text(path)).transpose();
        Ok(TenantSettings {
            profile: read(self.profile.as_ref())?,
            limits: read(self.limits.as_ref())?,
            processor: components.processor.map(ComponentChoice::processor),
            validator: components.validator.map(ComponentChoice::validator),
        })
    }

    /// Names the file that an error is about.
    fn name(&self, error: OperationError) -> Box<dyn Error> {
        in_file(error, self.profile.as_deref(), self.limits.as_deref())
    }
}

/// Removes a tenant, after the operator has typed its name. What is removed cannot be brought back.
fn remove(name: &TenantName, yes: bool, operations: &Operations) -> Result<(), Box<dyn Error>> {
    let name = name.as_str();
    if !yes {
        let (contacts, jobs) = operations.tenant_size(name)?;
        let what = format!("'{name}' with {contacts} contacts and {jobs} jobs");
        if !io::stdin().is_terminal() {
            return Err(format!("this would remove {what}, and nobody can be asked; to remove it, add --yes").into());
        }
        eprint!("This removes {what}, for ever. To remove it, type the tenant's name: ");
        let mut answer = String::new();
        io::stdin().lock().take(MAX_ANSWER_BYTES).read_line(&mut answer)?;
        if answer.trim() != name {
            return Err("nothing was removed".into());
        }
    }
    print(&RemovedTenantView::new(name, operations.remove_tenant(name)?))
}

/// Tells people what the trial noticed; the printed JSON tells programs.
fn note(refused_sample: Option<&RefusedSample>) {
    if let Some(refused_sample) = refused_sample {
        eprintln!("note: {}", Printable::line(refused_sample));
    }
}

fn operations(store: &StoreArgs) -> Result<Operations, Box<dyn Error>> {
    operator::operations(store, MAX_COMPONENT_BYTES)
}

/// Prints a value as one line of JSON.
fn print(value: &impl Serialize) -> Result<(), Box<dyn Error>> {
    Ok(print_json(value)?)
}
