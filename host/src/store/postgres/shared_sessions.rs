//! Finds out whether connections share sessions of the database.

use std::collections::HashSet;

use tokio_postgres::{Client, SimpleQueryMessage};

use super::error::PgError;
use crate::store::StoreError;

/// How often two connections are asked for their sessions: other clients of a pooler may come in between.
const CHECKS: usize = 3;

/// Returns whether two connections share a session, or change theirs. A pooler in transaction mode gives several the same one, and
/// takes from each what it has set, prepared, locked and listens to.
pub(super) async fn is_shared(clients: [&Client; 2]) -> Result<bool, PgError> {
    let mut seen: [HashSet<String>; 2] = Default::default();
    for _ in 0..CHECKS {
        for (client, seen) in clients.into_iter().zip(&mut seen) {
            seen.insert(backend(client).await?);
        }
    }
    let [one, other] = &seen;
    Ok(one.len() > 1 || other.len() > 1 || !one.is_disjoint(other))
}

/// Returns the process of the database that serves a connection now.
async fn backend(client: &Client) -> Result<String, PgError> {
    // Not prepared, so that it works through any pooler.
    let messages = client.simple_query("SELECT pg_backend_pid()").await?;
    let backend = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    backend.ok_or_else(|| StoreError::Corrupt(String::from("pg_backend_pid() returned nothing")).into())
}
