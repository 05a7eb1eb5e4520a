//! The shared store: a PostgreSQL database that any number of servers work with.
//!
//! Every method is one transaction of a few round trips: statements work on whole batches, and statements that do not need
//! each other's answers are sent together. Times are the database's. A transaction that locks more than one thing does so in
//! this order: tenant, queue, job, component, counters; within one of these by key. Transactions that collide all the same are
//! done again.

mod address;
mod apply;
mod audit;
mod claims;
mod commit;
mod common_words;
mod components;
mod connections;
mod console;
mod contacts;
mod credentials;
mod error;
mod facts;
mod index_queue;
mod job_hints;
mod job_list;
mod jobs;
mod listing;
mod logs;
mod maintenance;
mod migrations;
mod next_job;
mod notifications;
mod overlays;
mod presence;
mod purge;
mod query_parts;
mod refresh_tokens;
mod remarks;
mod schema_gate;
mod search_sets;
mod shared_sessions;
mod sql;
mod statements;
mod statistics;
mod submit;
mod sweep;
mod tenants;
mod tls;
mod undo;
mod usage;
mod webhook_messages;
mod webhooks;
mod word_index;
mod writes;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

pub use address::{DatabaseUrl, DatabaseUrlError};
pub use facts::PostgresFacts;
use parking_lot::Mutex;
use uuid::Uuid;

use super::profile_cache::ProfileCache;
use super::secret_use::SecretUse;
use super::{Opening, StoreError};
use crate::clock::Clock;
use connections::Connections;
use migrations::Schema;
use notifications::Channel;

/// A [`Store`](super::Store) in a PostgreSQL database.
#[derive(Debug)]
pub struct PostgresStore {
    /// The database's URL without its password.
    name: String,
    connections: Connections,
    /// The schema that this program knows.
    schema: &'static Schema,
    /// Shows that a server is there, until the server subscribes on it.
    channel: Mutex<Option<Channel>>,
    /// Microseconds that the database's clock is ahead of this machine's.
    clock_lead: Arc<AtomicI64>,
    profiles: ProfileCache,
    secret_use: SecretUse,
    /// What this server's own hints about jobs begin with.
    server: Uuid,
}

impl PostgresStore {
    /// Connects, with up to `connections` at a time, and brings the schema up to date if `opening` allows it. A store that is opened
    /// to be served keeps one connection besides, on which it listens.
    ///
    /// # Errors
    /// If the database cannot be reached or used, or is from a newer version, or from an earlier one and its schema may not be
    /// changed.
    pub fn open(url: &DatabaseUrl, connections: usize, clock: Clock, opening: Opening) -> Result<Self, StoreError> {
        Self::open_with_schema(url, connections, clock, opening, migrations::CURRENT)
    }

    fn open_with_schema(
        url: &DatabaseUrl,
        connections: usize,
        clock: Clock,
        opening: Opening,
        schema: &'static Schema,
    ) -> Result<Self, StoreError> {
        let name = url.to_string();
        let connections = Connections::new(url, connections, clock)?;
        connections.check_sessions()?;
        let clock_lead = connections.run_long("bringing the schema up to date", async |session| {
            migrations::run(session, &name, schema, opening).await?;
            Ok(notifications::measure_clock_lead(session).await?)
        })?;
        let channel = opening.is_server().then(|| connections.show_presence(&name, schema)).transpose()?;
        Ok(Self {
            name,
            connections,
            schema,
            channel: Mutex::new(channel),
            clock_lead: Arc::new(AtomicI64::new(clock_lead)),
            profiles: ProfileCache::default(),
            secret_use: SecretUse::default(),
            server: Uuid::new_v4(),
        })
    }
}
