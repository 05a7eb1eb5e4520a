//! The store as a whole.

use rusqlite::Connection;

use super::{FILE, SqliteStore, migrations, room, shrink, sweep};
use crate::domain::Timestamp;
use crate::store::{DiskSpace, DiskState, JobHint, MaintenanceStore, Notification, StoreError, Swept};

impl MaintenanceStore for SqliteStore {
    fn description(&self) -> String {
        format!("sqlite:{}", self.folder.display())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn check(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let check = |connection: &mut Connection| migrations::check(connection, &self.folder.join(FILE), now);
        self.connections.write_growing(self.connections.awaited_bytes(), check)
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| sweep::sweep(connection, now))
    }

    fn shrink(&self) -> Result<bool, StoreError> {
        let is_full = self.disk_space()?.is_some_and(|space| space.state() == DiskState::Full);
        self.connections.write(|connection| shrink::shrink(connection, is_full))
    }

    fn settle(&self) -> Result<bool, StoreError> {
        self.connections.write(|connection| shrink::truncate_log(connection))
    }

    fn disk_space(&self) -> Result<Option<DiskSpace>, StoreError> {
        let space = DiskSpace::of(&self.folder)
            .map_err(|source| StoreError::File { path: self.folder.display().to_string(), source })?;
        let awaited_bytes = room::written_bytes(self.connections.awaited_bytes());
        Ok(space.map(|space| DiskSpace { awaited_bytes, ..space }))
    }

    fn subscribe(&self, _notify: Box<dyn Fn(Notification) + Send + Sync>) {}

    fn tell_servers(&self, _hints: &[JobHint]) -> Result<bool, StoreError> {
        Ok(false)
    }
}
