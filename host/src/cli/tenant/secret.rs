//! `bulkhead tenant secret`.

use std::error::Error;

use bulkhead::operations::{AddedSecretView, RevokedSecretView, SecretSettings, SecretView};
use bulkhead::tenants::{Scope, SecretName, TenantName};
use clap::Subcommand;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::operations;
use crate::cli::output::print_json;
use crate::cli::store::StoreArgs;

/// Commands about a tenant's secrets, of which it can have five at a time.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretCommand {
    /// Add a secret to the others. Prints it as one JSON object; it cannot be shown again.
    Add {
        /// The tenant's name.
        name: TenantName,
        /// What the secret is for, such as "CRM sync": up to 60 characters.
        #[arg(long = "name", value_name = "TEXT")]
        label: Option<SecretName>,
        /// What the secret's clients may do: everything (full), read and change nothing (read), or send jobs and do what concerns
        /// these, without seeing contacts (submit).
        #[arg(long, default_value_t = Scope::Full, value_parser = scope())]
        scope: Scope,
        /// Days after which the secret expires, 1 to 3650; without this option it never does.
        #[arg(long, value_name = "DAYS")]
        expires_days: Option<u32>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List the secrets by their ids, oldest first, one JSON object per line.
    List {
        /// The tenant's name.
        name: TenantName,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Revoke a secret and the tokens that were issued with it.
    Revoke {
        /// The tenant's name.
        name: TenantName,
        /// The secret's id, which 'secret list' shows: the first eight digits of its SHA-256.
        id: String,
        /// Revoke the secret even if it is the last one, so that no client of the tenant can connect.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// Returns what reads a scope, and lists all scopes in help.
fn scope() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str)).try_map(|name| name.parse::<Scope>())
}

pub(super) fn run(command: SecretCommand) -> Result<(), Box<dyn Error>> {
    match command {
        SecretCommand::Add { name, label, scope, expires_days, store } => {
            let settings = SecretSettings { name: label, scope, expires_days };
            let added = operations(&store)?.add_secret(name.as_str(), settings)?;
            print_json(&AddedSecretView::new(name.as_str(), &added))?;
        }
        SecretCommand::List { name, store } => {
            let listed = operations(&store)?.secrets(name.as_str())?;
            listed.into_iter().map(SecretView::from).try_for_each(|view| print_json(&view))?;
        }
        SecretCommand::Revoke { name, id, force, store } => {
            let revoked_tokens = operations(&store)?.revoke_secret(name.as_str(), &id, force)?;
            print_json(&RevokedSecretView { tenant: name.as_str(), id: &id, revoked_tokens })?;
        }
    }
    Ok(())
}
