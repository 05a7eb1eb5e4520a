//! Keeps a server from using a schema that became too new for it. That happens only if the schema was changed while the server was
//! not connected, since whoever changes it looks for servers first (`presence.rs`).

use parking_lot::Mutex;

use super::error::PgError;
use crate::store::StoreError;

/// Closed while the schema is too new.
#[derive(Debug, Default)]
pub(super) struct SchemaGate(Mutex<Option<Newer>>);

/// A schema that is too new, and the newest one that the program knows.
#[derive(Debug, Clone)]
struct Newer {
    path: String,
    found: i64,
    known: i64,
}

impl SchemaGate {
    /// Closes the gate if a check of the schema failed because the schema is too new, and opens it if the check succeeded.
    pub(super) fn checked<T>(&self, checked: &Result<T, StoreError>) {
        match checked {
            Ok(_) => *self.0.lock() = None,
            Err(StoreError::NewerSchema { path, found, known }) => {
                let newer = Newer { path: path.clone(), found: *found, known: *known };
                if self.0.lock().replace(newer).is_none() {
                    tracing::error!(
                        event = "schema_too_new",
                        found,
                        known,
                        "a newer version changed the schema, and this server does nothing more; replace it"
                    );
                }
            }
            Err(_) => {}
        }
    }

    /// Fails if the gate is closed.
    pub(super) fn pass(&self) -> Result<(), PgError> {
        let newer = self.0.lock().clone();
        newer.map_or(Ok(()), |Newer { path, found, known }| Err(StoreError::NewerSchema { path, found, known }.into()))
    }
}
