//! Opens the operations for the operator's commands.

use std::env;
use std::error::Error;

use bulkhead::clock::Clock;
use bulkhead::operations::{ComponentRuntime, Operations, Operator};
use bulkhead::sandbox::Sandbox;
use bulkhead::store::Opening;

use super::serve::DEFAULT_COMPONENT;
use super::store::StoreArgs;

/// Connections to a database: a command sends one statement after the other.
const MAX_CONNECTIONS: usize = 2;
/// Component instances that can exist at a time: a command runs one component after the other.
const MAX_INSTANCES: u32 = 4;
/// Bytes of memory of all component instances together.
pub(super) const GUEST_MEMORY_BYTES: usize = 2 << 30;

/// Opens a store that is there for a command. Components of up to `max_component_bytes` can be registered.
///
/// # Errors
/// If there is no store, or it cannot be used.
pub(super) fn operations(store: &StoreArgs, max_component_bytes: usize) -> Result<Operations, Box<dyn Error>> {
    store.expect_store()?;
    open(store, max_component_bytes)
}

/// As [`operations`], for a command that adds something: with `create`, makes a store if there is none.
///
/// # Errors
/// If there is no store and none is to be made, or the store cannot be used.
pub(super) fn operations_or_new_store(
    store: &StoreArgs,
    create: bool,
    max_component_bytes: usize,
) -> Result<Operations, Box<dyn Error>> {
    if create { open(store, max_component_bytes) } else { operations(store, max_component_bytes) }
}

fn open(store: &StoreArgs, max_component_bytes: usize) -> Result<Operations, Box<dyn Error>> {
    let opened = store.open(Clock::system(), MAX_CONNECTIONS, Opening::Command)?;
    let settings = store.sandbox_settings(MAX_INSTANCES, GUEST_MEMORY_BYTES);
    Ok(Operations::new(opened, operator(), max_component_bytes, move || {
        let sandbox = Sandbox::new(settings.clone())?;
        let default_processor = sandbox.load_built_in(DEFAULT_COMPONENT)?;
        Ok(ComponentRuntime { sandbox, default_processor })
    }))
}

/// Returns who gives a command, for the audit log: the user by the system's account and, if `sudo` says so, who became that user.
pub(super) fn operator() -> Operator {
    let user = whoami::username().unwrap_or_else(|_| format!("user {}", rustix::process::getuid().as_raw()));
    let before = env::var("SUDO_USER").ok().filter(|before| is_account(before) && *before != user);
    let who = before.map_or_else(|| user.clone(), |before| format!("{user} (sudo by {before})"));
    Operator::at_command_line(&who, whoami::hostname().ok().as_deref())
}

/// Returns whether a text can be an account's name.
fn is_account(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@$\\".contains(&byte))
}
