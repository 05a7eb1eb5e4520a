//! `bulkhead audit`.

use std::error::Error;

use bulkhead::operations::{AuditEntryView, MAX_COMPONENT_BYTES};
use bulkhead::tenants::TenantName;
use clap::Args;

use super::operator::operations;
use super::output::print_json;
use super::store::StoreArgs;

/// Arguments of `bulkhead audit`.
#[derive(Debug, Args)]
pub(super) struct AuditArgs {
    /// Only what concerns this tenant, which may be removed.
    #[arg(long, value_name = "NAME")]
    tenant: Option<TenantName>,
    /// Only entries before the one with this id.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Number of entries, 1 to 1000.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u32,
    #[command(flatten)]
    store: StoreArgs,
}

/// Prints what operators did, newest first, one JSON object per line.
pub(super) fn run(args: &AuditArgs) -> Result<(), Box<dyn Error>> {
    let tenant = args.tenant.as_ref().map(TenantName::as_str);
    let entries = operations(&args.store, MAX_COMPONENT_BYTES)?.audit_entries(tenant, args.before, Some(args.limit))?;
    Ok(entries.into_iter().map(AuditEntryView::from).try_for_each(|entry| print_json(&entry))?)
}
