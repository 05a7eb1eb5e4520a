//! What the operator's commands have in common.

use std::error::Error;
use std::sync::Arc;

use bulkhead::clock::Clock;
use bulkhead::operations::Operations;
use bulkhead::sandbox::Sandbox;
use bulkhead::store::Store;

use super::serve::DEFAULT_COMPONENT;
use super::store::StoreArgs;

/// Connections to a database: a command asks one thing after the other.
const CONNECTIONS: usize = 2;

pub(super) fn open(store: &StoreArgs) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    store.open(Clock::system(), CONNECTIONS)
}

pub(super) fn operations(store: &StoreArgs, max_component: usize) -> Result<Operations, Box<dyn Error>> {
    let opened = open(store)?;
    let sandbox = Sandbox::new(store.compiled(), 4)?;
    let default = sandbox.load_processor(DEFAULT_COMPONENT)?;
    Ok(Operations::new(opened, sandbox, default, max_component))
}
