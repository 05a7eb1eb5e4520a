//! The store as a whole.

use super::{FILE, SqliteStore, migrations, sweep};
use crate::domain::Timestamp;
use crate::store::{MaintenanceStore, Notification, StoreError, Swept};

impl MaintenanceStore for SqliteStore {
    fn description(&self) -> String {
        format!("sqlite:{}", self.folder.display())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn check(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| migrations::check(connection, &self.folder.join(FILE), now))
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| sweep::sweep(connection, now))
    }

    fn subscribe(&self, _notify: Box<dyn Fn(Notification) + Send + Sync>) {}
}
