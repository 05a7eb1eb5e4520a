//! `bulkhead component new`.

use std::error::Error;

use clap::Args;

/// Arguments of `bulkhead component new`.
#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// The folder to make; its last part is the component's name.
    name: String,
}

pub(super) fn run(args: &NewArgs) -> Result<(), Box<dyn Error>> {
    Err(args.name.clone().into())
}
