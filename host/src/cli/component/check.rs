//! `bulkhead component check`.

use std::error::Error;
use std::path::PathBuf;

use bulkhead::domain::Digest;
use bulkhead::operations::MAX_COMPONENT_BYTES;
use bulkhead::sandbox::Limits;
use bulkhead::tenants::TenantLimits;
use clap::Args;
use serde::Serialize;

use super::compilation::Compilation;
use super::local_service::sandbox;
use super::read;
use crate::cli::compile::CompileLimitArgs;
use crate::cli::output::print_pretty_json;

/// Arguments of `bulkhead component check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A WebAssembly component of the world 'validator' or 'processor'.
    file: PathBuf,
    #[command(flatten)]
    compile_limits: CompileLimitArgs,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked<'a> {
    digest: String,
    world: &'static str,
    contract: &'static str,
    size: usize,
    exports: &'a [String],
    imports: &'a [String],
    memory_at_start: u64,
    table_elements_at_start: u64,
    compile_millis: u128,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Box<dyn Error>> {
    let bytes = read(&args.file, MAX_COMPONENT_BYTES)?;
    let limits = Limits::from(&TenantLimits::default());
    let sandbox = sandbox(&args.compile_limits)?;
    let told = Compilation::announce(&args.file, &bytes, sandbox.is_compiled(Digest::of(&bytes)));
    let probed = sandbox.probe(&bytes, &limits).map_err(|refusal| format!("{}: {refusal}", args.file.display()))?;
    told.end();
    let checked = Checked {
        digest: Digest::of(&bytes).to_string(),
        world: probed.inspected.world.as_str(),
        contract: probed.inspected.contract,
        size: bytes.len(),
        exports: &probed.inspected.exports,
        imports: &probed.inspected.imports,
        memory_at_start: probed.inspected.memory,
        table_elements_at_start: probed.inspected.table,
        compile_millis: probed.compiled_in.as_millis(),
    };
    print_pretty_json(&checked)?;
    Ok(())
}
