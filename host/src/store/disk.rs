//! The space that is left on a store's disk.

use std::io;
use std::path::Path;

/// Bytes that are kept for what makes room: deleting jobs, contacts and tenants, and sweeping. With less, the disk counts as
/// full.
const RESERVED_BYTES: u64 = 16 << 20;
/// Free bytes below which a disk fills up, however small it is.
const FEW_BYTES: u64 = 1 << 30;
/// Free bytes with which no disk fills up, however large it is.
const MANY_BYTES: u64 = 20 << 30;

/// The space on the disk of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// Bytes that this user can still write.
    pub free_bytes: u64,
    /// Bytes of the disk.
    pub total_bytes: u64,
    /// Bytes that a job or the contact index was to write a moment ago and had no room for, or 0.
    pub awaited_bytes: u64,
}

/// How much space is left, the best state first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiskState {
    /// There is room.
    Roomy,
    /// Less than 1 GiB is left, or less than 10 % and less than 20 GiB.
    Filling,
    /// So little is left that the store takes nothing that needs room, or that jobs or lists wait for room.
    Full,
}

impl DiskSpace {
    /// Returns the space on the disk of a folder; `None` if the system or the disk does not say.
    ///
    /// # Errors
    /// If the folder cannot be reached.
    pub fn of(folder: &Path) -> io::Result<Option<Self>> {
        #[cfg(target_os = "linux")]
        {
            let disk = rustix::fs::statvfs(folder)?;
            let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
            let space = Self { free_bytes: bytes(disk.f_bavail), total_bytes: bytes(disk.f_blocks), awaited_bytes: 0 };
            // File systems without a size say 0.
            Ok((space.total_bytes > 0).then_some(space))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = folder;
            Ok(None)
        }
    }

    /// Returns whether the disk would not count as full if `bytes` more were written.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        self.free_bytes.checked_sub(bytes).is_some_and(|left| left >= RESERVED_BYTES)
    }

    /// Returns how much space is left.
    pub fn state(&self) -> DiskState {
        let &Self { free_bytes, total_bytes, awaited_bytes } = self;
        if !self.has_room_for(awaited_bytes) {
            DiskState::Full
        } else if free_bytes < FEW_BYTES || (free_bytes < MANY_BYTES && free_bytes < total_bytes / 10) {
            DiskState::Filling
        } else {
            DiskState::Roomy
        }
    }
}

impl DiskState {
    /// Returns the state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Roomy => "ok",
            Self::Filling => "filling",
            Self::Full => "full",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DiskSpace, DiskState};

    #[test]
    fn a_disk_fills_by_its_part_or_by_what_is_left() {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        for (free_bytes, total_bytes, awaited_bytes, state) in [
            (15 * MIB, 64 * MIB, 0, DiskState::Full),
            (17 * MIB, 64 * MIB, 0, DiskState::Filling),
            (17 * MIB, 64 * MIB, MIB, DiskState::Filling),
            (17 * MIB, 64 * MIB, 2 * MIB, DiskState::Full),
            (900 * MIB, 2 * GIB, 0, DiskState::Filling),
            (2 * GIB, 10 * GIB, 0, DiskState::Roomy),
            (9 * GIB, 100 * GIB, 0, DiskState::Filling),
            (11 * GIB, 100 * GIB, 0, DiskState::Roomy),
            (30 * GIB, 10_000 * GIB, 0, DiskState::Roomy),
        ] {
            let space = DiskSpace { free_bytes, total_bytes, awaited_bytes };
            assert_eq!(space.state(), state, "{space:?}");
        }
    }
}
