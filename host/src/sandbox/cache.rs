//! Compiled components on disk, by digest and engine. A file here is machine code that will be run, so it is loaded
//! only from a folder that nobody else can write to, and written only by this module.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;
use std::{fs, io};

use wasmtime::Engine;
use wasmtime::component::Component;

use super::engine::Sandbox;
use crate::domain::Digest;

/// How long compiled code is left alone whoever it is of.
const YOUNG: Duration = Duration::from_secs(3_600);

impl Sandbox {
    /// The compiled form of `bytes`, whose digest is `digest`.
    pub(super) fn compiled(&self, digest: Digest, bytes: &[u8]) -> wasmtime::Result<Component> {
        let Some(folder) = self.cache.as_deref() else {
            let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
            return Component::new(&self.engine, bytes);
        };
        let path = path(&self.engine, folder, digest);
        if let Some(component) = load(&self.engine, folder, &path) {
            return Ok(component);
        }
        // One at a time: it takes all cores and much memory, and who waited for the same finds it done.
        let _turn = self.compiling.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(component) = load(&self.engine, folder, &path) {
            return Ok(component);
        }
        let component = Component::new(&self.engine, bytes)?;
        match component.serialize().map(|code| write(folder, &path, &code)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(event = "compiled_code_not_kept", path = %path.display(), %error, "cannot keep a compiled component")
            }
            Err(error) => {
                tracing::warn!(event = "compiled_code_not_kept", %error, "cannot serialise a compiled component")
            }
        }
        Ok(component)
    }
}

impl Sandbox {
    /// Whether what is compiled of a component is on disk.
    pub fn is_compiled(&self, digest: Digest) -> bool {
        self.cache.as_deref().is_some_and(|folder| path(&self.engine, folder, digest).exists())
    }

    /// Deletes what was compiled of components that are not to be kept, by other versions of the engine, or not to the end.
    /// What is younger than an hour stays: its component may be about to be registered. Returns how many files it were.
    pub fn tidy(&self, keep: impl Fn(Digest) -> bool) -> usize {
        let Some(folder) = self.cache.as_deref() else { return 0 };
        let Ok(entries) = fs::read_dir(folder) else { return 0 };
        let is_old = |entry: &fs::DirEntry| {
            let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
            matches!(age, Ok(Ok(age)) if age > YOUNG)
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
        tracing::warn!(event = "compiled_code_not_trusted", path = %path.display(), %reason, "a compiled component is not trusted; compiling again");
        return None;
    }
    // SAFETY: the file was written by `write` below: only this user can write to the file and its folder, as was just
    // checked, and it appears under this name by a rename of complete bytes. wasmtime itself checks that it was made by
    // the same version and configuration.
    #[expect(unsafe_code, reason = "loading machine code is what this module is for")]
    let loaded = unsafe { Component::deserialize_file(engine, path) };
    loaded
        .inspect_err(|error| tracing::warn!(event = "compiled_code_not_loaded", path = %path.display(), %error, "a compiled component cannot be loaded; compiling again"))
        .ok()
}

fn write(folder: &Path, path: &Path, code: &[u8]) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // Under a name that nobody else has, for this user alone; under its own when it is complete.
    let mut file = tempfile::Builder::new().suffix(".partial").tempfile_in(folder)?;
    io::Write::write_all(&mut file, code)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Whether nobody but this user (or root) can have written what is at `path`.
#[cfg(unix)]
fn trustworthy(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;

    // This process belongs to this process's user; std has no other way to ask.
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
        return Err(format!("others can write to {}", path.display()));
    }
    Ok(())
}

/// Without owners and modes to check, nothing is trusted and everything is compiled.
#[cfg(not(unix))]
fn trustworthy(path: &Path) -> Result<(), String> {
    Err(format!("this system cannot tell who wrote {}", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::trusted_by;

    #[test]
    fn what_another_user_owns_is_not_trusted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let owner = file.as_file().metadata().unwrap().uid();
        trusted_by(owner, file.path()).unwrap();
        assert!(trusted_by(owner + 1, file.path()).unwrap_err().contains("belongs to another user"));
    }
}
