//! `bulkhead job`.

use std::error::Error;
use std::io::{self, Write as _};

use bulkhead::domain::{ChangedSince, JobId};
use bulkhead::export::{FileType, Only};
use bulkhead::jobs::Undoing;
use bulkhead::operations::{ExportError, MAX_COMPONENT_BYTES};
use bulkhead::tenants::TenantName;
use clap::{Subcommand, ValueEnum};

use super::operator::operations;
use super::output::{print_json, print_piece, print_text};
use super::store::StoreArgs;

/// Commands about jobs of all tenants.
#[derive(Debug, Subcommand)]
pub(super) enum JobCommand {
    /// List jobs, newest first: prints one JSON object per line to standard output.
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
    /// Show a job: prints one JSON object to standard output.
    Show {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Cancel a job: it stops, what it has applied stays applied, and its results can be read. Prints the job to standard output, as
    /// one JSON object.
    Cancel {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Undo a completed job: a job that makes its contacts what they were before it. Prints that job to standard output, as one JSON
    /// object.
    Undo {
        /// The job's id.
        id: String,
        /// What becomes of contacts that were changed since: skip leaves them as they are, restore undoes the later changes, too.
        #[arg(long, value_enum, default_value_t = Changed::Skip)]
        changed: Changed,
        /// Undo the job also if the tenant has another processor by now, which must understand the contacts as they were.
        #[arg(long)]
        any_processor: bool,
        /// Change nothing, and print how many contacts would become what.
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Delete a job. If it is not completed, it stops; what it has applied stays applied. Prints the job as it was to standard
    /// output, as one JSON object.
    Delete {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print the results of a completed job to standard output, as a file: a table or JSON lines, all rows or those of one kind.
    ///
    /// A terminal gets the file without control characters; a file or a program gets it as it is, so write it with `> FILE`. If the
    /// job is deleted or expires meanwhile, the exit status is 2, and the output is not whole.
    Export {
        /// The job's id.
        id: String,
        /// The rows of contacts that failed (as they were sent, to be corrected and sent again), were created, updated, deleted
        /// by an undo, or had their values already.
        #[arg(long, value_enum)]
        only: Option<Rows>,
        /// How the file is written.
        #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
        format: ExportFormat,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Print to standard output what a job's components printed, including the message of a component that panicked.
    Log {
        /// The job's id.
        id: String,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// What an undo does with contacts that were changed since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Changed {
    Skip,
    Restore,
}

impl From<Changed> for ChangedSince {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Skip => Self::Skip,
            Changed::Restore => Self::Restore,
        }
    }
}

/// The rows of an exported file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Rows {
    Failed,
    Created,
    Updated,
    Deleted,
    Unchanged,
}

impl From<Rows> for Only {
    fn from(rows: Rows) -> Self {
        match rows {
            Rows::Failed => Self::Failed,
            Rows::Created => Self::Created,
            Rows::Updated => Self::Updated,
            Rows::Deleted => Self::Deleted,
            Rows::Unchanged => Self::Unchanged,
        }
    }
}

/// How an exported file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// A table.
    Csv,
    /// A JSON object on each line.
    Ndjson,
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
        JobCommand::Undo { id, changed, any_processor, check, store } => {
            let undoing = Undoing::new(job_id(&id)?, changed.into(), any_processor, None)?;
            let operations = operations(&store, MAX_COMPONENT_BYTES)?;
            if check {
                print_json(&operations.preview_undo(&undoing)?)?;
            } else {
                print_json(&operations.undo_job(&undoing)?)?;
            }
        }
        JobCommand::Export { id, only, format, store } => {
            let id = job_id(&id)?;
            let file_type = match format {
                ExportFormat::Csv => FileType::Csv,
                ExportFormat::Ndjson => FileType::JsonLines,
            };
            let operations = operations(&store, MAX_COMPONENT_BYTES)?;
            match operations.export_job(id, file_type, only.map(Only::from), print_piece) {
                // These two are reported as those of any command.
                Err(ExportError::Operation(error)) => return Err(error.into()),
                Err(ExportError::Write(error)) => return Err(error.into()),
                ended => ended?,
            }
            io::stdout().flush()?;
        }
        JobCommand::Log { id, store } => {
            let id = job_id(&id)?;
            print_text(&operations(&store, MAX_COMPONENT_BYTES)?.job_log(id)?)?;
        }
    }
    Ok(())
}

fn job_id(text: &str) -> Result<JobId, String> {
    JobId::parse(text).ok_or_else(|| {
        format!(
            "'{text}' is not a job's id, which a request for a job returns; 'bulkhead job list' shows those of all jobs"
        )
    })
}
