//! `bulkhead migrate`.

use std::error::Error;

use bulkhead::clock::Clock;
use bulkhead::store::Opening;
use clap::Args;

use super::output::print_json;
use super::store::StoreArgs;

/// Connections to a database: the command sends one statement after the other.
const MAX_CONNECTIONS: usize = 2;

/// Arguments of `bulkhead migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    #[command(flatten)]
    store: StoreArgs,
}

/// Brings the schema of a store that there is up to date, and prints one line of JSON.
pub(super) fn run(args: &MigrateArgs) -> Result<(), Box<dyn Error>> {
    args.store.expect_store()?;
    // No server may use a folder meanwhile.
    let _ownership = args.store.own()?;
    let before = args.store.schema()?;
    if before == 0 {
        return Err("there is no store in this database; 'bulkhead serve' makes one".into());
    }
    drop(args.store.open(Clock::system(), MAX_CONNECTIONS, Opening::Migration)?);
    print_json(&serde_json::json!({ "from": before, "to": args.store.schema()? }))?;
    Ok(())
}
