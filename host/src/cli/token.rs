//! `bulkhead token`.

use std::error::Error;
use std::io::{IsTerminal as _, Read as _};

use bulkhead::operations::{MAX_COMPONENT_BYTES, RevokedTokensView};
use bulkhead::tenants::{Secret, TenantName};
use clap::Subcommand;

use super::operator::operations;
use super::output::print_json;
use super::store::StoreArgs;

/// Bytes that are read of standard input. A token has 43, a refresh token 87.
const MAX_INPUT_BYTES: u64 = 4 << 10;

/// Commands about the tokens that clients get with their secrets.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Revoke all tokens and refresh tokens of a tenant or, without --tenant, the one on standard input, where no other user
    /// sees it. The tokens that were issued with a refresh token are revoked with it.
    Revoke {
        /// The tenant's name.
        #[arg(long, value_name = "NAME")]
        tenant: Option<TenantName>,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) fn run(command: TokenCommand) -> Result<(), Box<dyn Error>> {
    let TokenCommand::Revoke { tenant, store } = command;
    let operations = operations(&store, MAX_COMPONENT_BYTES)?;
    let revoked_tokens = match tenant {
        Some(tenant) => operations.revoke_tokens(tenant.as_str())?,
        None => {
            if std::io::stdin().is_terminal() {
                eprintln!("type or paste the token, and end with Enter and Ctrl-D");
            }
            let mut input = Vec::new();
            std::io::stdin().take(MAX_INPUT_BYTES).read_to_end(&mut input)?;
            match String::from_utf8_lossy(&input).trim() {
                "" => return Err("no token was given, so none was revoked: write it to standard input, or give --tenant to revoke all tokens of a tenant".into()),
                token => operations.revoke_token(&Secret::from_client(token))?,
            }
        }
    };
    Ok(print_json(&RevokedTokensView { revoked_tokens })?)
}
