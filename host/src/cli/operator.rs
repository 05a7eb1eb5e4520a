//! What the operator's commands have in common.

use std::error::Error;
use std::sync::Arc;

use bulkhead::clock::Clock;
use bulkhead::operations::Operations;
use bulkhead::sandbox::Sandbox;
use bulkhead::store::sqlite::SqliteStore;

use super::StoreArgs;
use super::serve::DEFAULT_COMPONENT;

pub(super) fn open(store: &StoreArgs) -> Result<SqliteStore, Box<dyn Error>> {
    Ok(SqliteStore::open(&store.data, Clock::system())?)
}

pub(super) fn operations(store: &StoreArgs, max_component: usize) -> Result<Operations, Box<dyn Error>> {
    let opened = open(store)?;
    let sandbox = Sandbox::new(Some(store.data.join("compiled")), 4)?;
    let default = sandbox.load_processor(DEFAULT_COMPONENT)?;
    Ok(Operations::new(Arc::new(opened), sandbox, default, max_component))
}
