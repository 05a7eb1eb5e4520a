//! The cache of compiled components on disk, by digest and engine. Its files are machine code that will be run, so only this
//! module writes them, and loads them only from a folder to which no other user can write.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine::Sandbox;
use crate::domain::Digest;

/// Age below which no file is deleted, because its component may be about to be registered.
const MIN_DELETION_AGE: Duration = Duration::from_secs(3_600);

impl Sandbox {
    /// Returns the compiled form of `bytes`, whose digest is `digest`.
    pub(super) fn compiled(&self, digest: Digest, bytes: &[u8]) -> wasmtime::Result<Component> {
        let Some(folder) = self.cache.as_deref() else {
            let _turn = self.compiling.lock();
            return Component::new(&self.engine, bytes);
        };
        let path = path(&self.engine, folder, digest);
        if let Some(component) = load(&self.engine, folder, &path) {
            return Ok(component);
        }
        // One at a time: compiling takes all cores and much memory. A thread that waited for the same component finds it compiled.
        let _turn = self.compiling.lock();
        if let Some(component) = load(&self.engine, folder, &path) {
            return Ok(component);
        }
        let component = Component::new(&self.engine, bytes)?;
        match component.serialize().map(|code| write(folder, &path, &code)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(event = "compiled_code_not_kept", path = %path.display(), %error, "cannot write compiled code to the cache")
            }
            Err(error) => {
                tracing::warn!(event = "compiled_code_not_kept", %error, "cannot serialise compiled code")
            }
        }
        Ok(component)
    }

    /// Returns whether the compiled code of a component is on disk.
    pub fn is_compiled(&self, digest: Digest) -> bool {
        self.cache.as_deref().is_some_and(|folder| path(&self.engine, folder, digest).exists())
    }

    /// Deletes the compiled code of components that `keep` refuses and of other versions of the engine, and unfinished files.
    /// Files younger than an hour stay, because their component may be about to be registered. Returns the number of deleted
    /// files.
    pub fn tidy(&self, keep: impl Fn(Digest) -> bool) -> usize {
        let Some(folder) = self.cache.as_deref() else { return 0 };
        let Ok(entries) = fs::read_dir(folder) else { return 0 };
        let is_old = |entry: &fs::DirEntry| {
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
            matches!(age, Ok(Ok(age)) if age > MIN_DELETION_AGE)
        };
        let is_kept = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let digest = name.split('-').next().and_then(Digest::parse_hex);
            digest.is_some_and(|digest| keep(digest) && *path == self::path(&self.engine, folder, digest))
        };
        let is_ours = |path: &Path| path.extension().is_some_and(|ending| ending == "cwasm" || ending == "partial");
        entries
            .flatten()
            .filter(|entry| is_ours(&entry.path()) && !is_kept(&entry.path()) && is_old(entry))
            .filter(|entry| fs::remove_file(entry.path()).is_ok())
            .count()
    }
}

fn path(engine: &Engine, folder: &Path, digest: Digest) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    folder.join(format!("{}-{:016x}.cwasm", hex::encode(digest.0), hasher.finish()))
}

fn load(engine: &Engine, folder: &Path, path: &Path) -> Option<Component> {
    if !path.exists() {
        return None;
    }
    if let Err(reason) = trustworthy(folder).and_then(|()| trustworthy(path)) {
        tracing::warn!(event = "compiled_code_not_trusted", path = %path.display(), %reason, "compiled code is not trusted, compiling again");
        return None;
    }
    // SAFETY: the file was written by `write` below: only this user can write to the file and its folder, as was just
    // checked, and it appears under this name by a rename of complete bytes. wasmtime itself checks that it was made by
    // the same version and configuration.
    #[expect(unsafe_code, reason = "loading machine code is what this module is for")]
    let loaded = unsafe { Component::deserialize_file(engine, path) };
    loaded
        .inspect_err(|error| tracing::warn!(event = "compiled_code_not_loaded", path = %path.display(), %error, "compiled code cannot be loaded, compiling again"))
        .ok()
}

fn write(folder: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // Under a unique name and readable by this user alone at first; under its own name when it is complete.
    let mut file = tempfile::Builder::new().suffix(".partial").tempfile_in(folder)?;
    io::Write::write_all(&mut file, code)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Checks that only this user (or root) can have written the file or folder at `path`.
#[cfg(unix)]
fn trustworthy(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    // std has no other way to find out the user of this process.
    let me = fs::metadata("/proc/self").map(|own| own.uid()).map_err(|error| error.to_string())?;
    trusted_by(me, path)
}

#[cfg(unix)]
fn trusted_by(me: u32, path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    let metadata = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if metadata.is_symlink() {
        return Err(format!("{} is a symbolic link", path.display()));
    }
    if metadata.uid() != me {
        return Err(format!("{} belongs to another user", path.display()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(format!("other users can write to {}", path.display()));
    }
    Ok(())
}

/// Without owners and modes to check, nothing is trusted and everything is compiled.
#[cfg(not(unix))]
fn trustworthy(path: &Path) -> Result<(), String> {
    Err(format!("this system does not say who wrote {}", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::trusted_by;

    #[test]
    fn a_file_of_another_user_is_not_trusted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let owner = file.as_file().metadata().unwrap().uid();
        trusted_by(owner, file.path()).unwrap();
        assert!(trusted_by(owner + 1, file.path()).unwrap_err().contains("belongs to another user"));
    }
}
