//! `bulkhead job`.

use std::error::Error;
use std::io::Write as _;

use bulkhead::domain::JobId;
use bulkhead::operations::MAX_COMPONENT_BYTES;
use clap::Subcommand;

use super::operator::operations;
use super::store::StoreArgs;

/// What an operator can ask about jobs.
#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// Print what a job's components printed: their standard output and error, and the last words of one that panicked.
    Log {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) fn run(command: JobCommand) -> Result<(), Box<dyn Error>> {
    let JobCommand::Log { id, store } = command;
    let id = JobId::parse(&id).ok_or_else(|| format!("'{id}' is no job's id"))?;
    let log = operations(&store, MAX_COMPONENT_BYTES)?.job_log(id)?;
    Ok(std::io::stdout().write_all(log.as_bytes())?)
}
