//! The folder in which the programs of one user share compiled code: `component try`, `component add` and servers each have a
//! folder of their own, and what one of them compiled need not be compiled again by the others.
//!
//! Files are copied, so that each folder's owner decides what to delete. They are machine code, so a file of the shared folder
//! is taken over under the same conditions as one of the own folder is loaded.

use std::fs;
use std::io;
use std::path::Path;

use super::cache::{keep, ordinary, partial_file, path, trustworthy};
use super::engine::Sandbox;
use crate::domain::Digest;

/// Files that stay in the shared folder, as each build of a component leaves one.
const MAX_SHARED_FILES: usize = 16;

impl Sandbox {
    /// Returns whether the shared folder has the compiled code of a component.
    pub(super) fn is_shared(&self, digest: Digest) -> bool {
        self.shared_cache.as_deref().is_some_and(|folder| path(&self.engine, folder, digest).exists())
    }

    /// Copies the compiled code of a component from the shared folder to `own`. Returns whether it is there.
    pub(super) fn adopt(&self, digest: Digest, own: &Path) -> bool {
        let Some(folder) = self.shared_cache.as_deref() else { return false };
        let shared = path(&self.engine, folder, digest);
        let may_run = || trustworthy(folder).and_then(|()| trustworthy(&shared)).and_then(|()| ordinary(&shared));
        shared.exists() && may_run().is_ok() && copy(&shared, own).is_ok()
    }

    /// Copies the compiled code at `own` to the shared folder. If that is not possible, the component will be compiled again.
    pub(super) fn share(&self, digest: Digest, own: &Path) {
        let Some(folder) = self.shared_cache.as_deref() else { return };
        if copy(own, &path(&self.engine, folder, digest)).is_ok() {
            remove_old_code(folder);
        }
    }
}

/// Deletes all but the 16 newest files of a shared folder. Files that cannot be deleted stay.
pub fn remove_old_code(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.metadata().ok()?.modified().ok()?, entry.path()))
        })
        .collect();
    files.sort_unstable();
    for (_, path) in files.iter().rev().skip(MAX_SHARED_FILES) {
        drop(fs::remove_file(path));
    }
}

/// Copies a file under a unique name, which then becomes `to`.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut file = partial_file(to)?;
    io::copy(&mut fs::File::open(from)?, &mut file)?;
    keep(file, to)
}
