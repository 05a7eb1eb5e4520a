//! `bulkhead job`.

use std::error::Error;

use bulkhead::domain::JobId;
use bulkhead::operations::MAX_COMPONENT_BYTES;
use bulkhead::tenants::TenantName;
use clap::Subcommand;

use super::operator::operations;
use super::output::{print_json, print_text};
use super::store::StoreArgs;

/// Commands about jobs of all tenants.
#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// List jobs, newest first, one JSON object per line.
    List {
        /// The tenant's name. Without it, jobs of all tenants are listed.
        tenant: Option<TenantName>,
        /// Leave out completed jobs.
        #[arg(long)]
        unfinished: bool,
        /// Number of jobs, 1 to 1000.
        #[arg(long, value_name = "N", default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show a job, as one JSON object.
    Show {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Cancel a job: it stops, what it has applied stays applied, and its results can be read. Prints the job.
    Cancel {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Delete a job. If it is not completed, it stops; what it has applied stays applied. Prints the job as it was.
    Delete {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print the standard output and error of a job's components, including the message of a component that panicked.
    Log {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

pub(super) fn run(command: JobCommand) -> Result<(), Box<dyn Error>> {
    match command {
        JobCommand::List { tenant, unfinished, limit, store } => {
            let tenant = tenant.as_ref().map(TenantName::as_str);
            let jobs = operations(&store, MAX_COMPONENT_BYTES)?.jobs(tenant, unfinished, Some(limit))?;
            jobs.iter().try_for_each(print_json)?;
        }
        JobCommand::Show { id, store } => {
            let id = job_id(&id)?;
            print_json(&operations(&store, MAX_COMPONENT_BYTES)?.job(id)?)?;
        }
        JobCommand::Delete { id, store } => {
            let id = job_id(&id)?;
            print_json(&operations(&store, MAX_COMPONENT_BYTES)?.delete_job(id)?)?;
        }
        JobCommand::Cancel { id, store } => {
            let id = job_id(&id)?;
            print_json(&operations(&store, MAX_COMPONENT_BYTES)?.cancel_job(id)?)?;
        }
        JobCommand::Log { id, store } => {
            let id = job_id(&id)?;
            print_text(&operations(&store, MAX_COMPONENT_BYTES)?.job_log(id)?)?;
        }
    }
    Ok(())
}

fn job_id(text: &str) -> Result<JobId, String> {
    JobId::parse(text).ok_or_else(|| format!("'{text}' is not a job's id"))
}
