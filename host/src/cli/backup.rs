//! `bulkhead backup`.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use bulkhead::clock::Clock;
use bulkhead::operations::{Act, Action, AuditLog};
use bulkhead::store::sqlite::SqliteStore;
use bulkhead::store::{Opening, StoreError};
use clap::Args;

use super::operator::operator;
use super::output::print_json;
use super::printable::Printable;
use super::store::{Place, StoreArgs};

/// Arguments of `bulkhead backup`.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to create; it must not exist.
    file: PathBuf,
    #[command(flatten)]
    store: StoreArgs,
}

/// Copies the embedded store, also while a server is using it, and prints one line of JSON.
pub(super) fn run(args: BackupArgs) -> Result<(), Box<dyn Error>> {
    let data = match args.store.place()? {
        Place::Folder(folder) => folder,
        Place::Database(_) => return Err("back up a PostgreSQL database with its own tools, such as pg_dump".into()),
    };
    if !SqliteStore::is_in(data) {
        return Err(format!("there is no store in {}; name its folder with --data", data.display()).into());
    }
    let log = |store: SqliteStore| AuditLog::new(Arc::new(store), operator());
    let act = Act::new(Action::BackUp).object(args.file.display());
    // A store is to be backed up also if its disk is full or its schema is an older one, and then takes no entry.
    let begun = SqliteStore::open(data, Clock::system(), Opening::Command).map(log).and_then(|log| {
        let entry = log.begin(&act)?;
        Ok::<_, StoreError>((log, entry))
    });
    if let Err(error) = &begun {
        eprintln!("note: the audit log has no entry about this backup: {}", Printable::line(error));
    }
    let copied = SqliteStore::backup(data, &args.file);
    if let Ok((log, entry)) = begun {
        log.end(entry, &act, copied.as_ref().err().map(ToString::to_string));
    }
    let bytes = copied?;
    print_json(&serde_json::json!({ "backup": args.file.display().to_string(), "bytes": bytes }))?;
    Ok(())
}
