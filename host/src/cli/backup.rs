//! `bulkhead backup`.

use std::error::Error;
use std::path::PathBuf;

use bulkhead::store::sqlite::SqliteStore;
use clap::Args;

use super::output::print_json;
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
    let bytes = SqliteStore::backup(data, &args.file)?;
    print_json(&serde_json::json!({ "backup": args.file.display().to_string(), "bytes": bytes }))?;
    Ok(())
}
