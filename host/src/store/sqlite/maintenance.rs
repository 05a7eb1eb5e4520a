//! The store as a whole.

use super::{FILE, SqliteStore, migrations, shrink, sweep};
use crate::domain::Timestamp;
use crate::store::{DiskSpace, DiskState, MaintenanceStore, Notification, StoreError, Swept};

impl SqliteStore {
    /// Checks that the disk has room for more than what makes room. Called before everything that the store may grow by.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] if it has not.
    pub(super) fn ensure_room(&self) -> Result<(), StoreError> {
        match self.disk_space()? {
            Some(space) if space.state() == DiskState::Full => {
                Err(StoreError::DiskFull { free_mib: space.free_bytes >> 20 })
            }
            _ => Ok(()),
        }
    }
}

impl MaintenanceStore for SqliteStore {
    fn description(&self) -> String {
        format!("sqlite:{}", self.folder.display())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn check(&self) -> Result<(), StoreError> {
        self.ensure_room()?;
        let now = self.clock.now();
        self.connections.write(|connection| migrations::check(connection, &self.folder.join(FILE), now))
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| sweep::sweep(connection, now))
    }

    fn shrink(&self) -> Result<bool, StoreError> {
        self.connections.write(|connection| shrink::shrink(connection))
    }

    fn settle(&self) -> Result<(), StoreError> {
        self.connections.write(|connection| shrink::truncate_log(connection))
    }

    fn disk_space(&self) -> Result<Option<DiskSpace>, StoreError> {
        #[cfg(target_os = "linux")]
        {
            let failed = |error: rustix::io::Errno| StoreError::File {
                path: self.folder.display().to_string(),
                source: error.into(),
            };
            let disk = rustix::fs::statvfs(&self.folder).map_err(failed)?;
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            Ok(Some(DiskSpace { free_bytes: bytes(disk.f_bavail), total_bytes: bytes(disk.f_blocks) }))
        }
        #[cfg(not(target_os = "linux"))]
        Ok(None)
    }

    fn subscribe(&self, _notify: Box<dyn Fn(Notification) + Send + Sync>) {}
}
