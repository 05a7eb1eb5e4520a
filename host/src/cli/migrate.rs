//! `bulkhead migrate`.

use std::error::Error;

use bulkhead::clock::Clock;
use bulkhead::operations::{Act, Action, AuditLog};
use bulkhead::store::Opening;
use clap::Args;

use super::operator::operator;
use super::output::print_json;
use super::printable::Printable;
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
    let (before, known) = args.store.schemas()?;
    // No server may use a folder meanwhile, unless there is nothing to do.
    let _ownership = match args.store.own() {
        Err(_) if before == known => {
            return Ok(print_json(&serde_json::json!({ "from": before, "to": before }))?);
        }
        owned => owned?,
    };
    if before == 0 {
        return Err("there is no store in this database; 'bulkhead serve' makes one".into());
    }
    let store = args.store.open(Clock::system(), MAX_CONNECTIONS, Opening::Migration)?;
    let (after, _) = args.store.schemas()?;
    // The earlier schema may have had no audit log.
    let act = Act::new(Action::Migrate).detail("from", before).detail("to", after);
    let log = AuditLog::new(store, operator());
    match log.begin(&act) {
        Ok(entry) => log.end(entry, &act, None),
        Err(error) => eprintln!("note: the audit log has no entry about this: {}", Printable::line(error)),
    }
    print_json(&serde_json::json!({ "from": before, "to": after }))?;
    Ok(())
}
