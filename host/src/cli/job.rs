//! `bulkhead job`.

use std::error::Error;

use bulkhead::domain::JobId;
use bulkhead::operations::MAX_COMPONENT_BYTES;
use clap::Subcommand;

use super::operator::operations;
use super::output::print_text;
use super::store::StoreArgs;

/// Commands about jobs.
#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// Print the standard output and error of a job's components, including the message of a component that panicked.
    Log {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) fn run(command: JobCommand) -> Result<(), Box<dyn Error>> {
    let JobCommand::Log { id, store } = command;
    let id = JobId::parse(&id).ok_or_else(|| format!("'{id}' is not a job's id"))?;
    let log = operations(&store, MAX_COMPONENT_BYTES)?.job_log(id)?;
    Ok(print_text(&log)?)
}
