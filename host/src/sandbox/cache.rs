//! The cache of compiled components on disk, by digest and engine. Its files are machine code that will be run, so only this
//! module writes them, and loads them only from a folder to which no other user can write.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use parking_lot::MutexGuard;
use tempfile::NamedTempFile;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::compiled_file::{SealingWriter, is_whole};
use super::compiler::CompileError;
use super::engine::{Sandbox, fingerprint};
use super::error_text::describe;
use crate::domain::Digest;
use crate::metrics::{CacheResult, METRICS};

/// Age below which no file is deleted, because its component may be about to be registered.
const MIN_DELETION_AGE: Duration = Duration::from_secs(3_600);
/// The form of the files. Part of their names, so that files of another form are not looked at.
const FORM: u8 = 2;

impl Sandbox {
    /// Returns the compiled form of `bytes`, whose digest is `digest`.
    pub(super) fn compiled(&self, digest: Digest, bytes: &[u8]) -> Result<Component, CompileError> {
        let path = self.cache.as_deref().map(|folder| path(&self.engine, folder, digest));
        let kept = || path.as_deref().and_then(|path| load(&self.engine, path));
        if let Some(component) = kept() {
            METRICS.guests.looked_up(CacheResult::Hit);
            return Ok(component);
        }
        METRICS.guests.looked_up(CacheResult::Miss);
        // A thread that waited for the same component finds it compiled.
        let _turn = self.turn_to_compile()?;
        if let Some(component) = kept() {
            return Ok(component);
        }
        if let Some(path) = path.as_deref()
            && self.adopt(digest, path)
            && let Some(component) = load(&self.engine, path)
        {
            return Ok(component);
        }
        if let Some(path) = path.as_deref()
            && self.compile_into(path, bytes)?
            && let Some(component) = load(&self.engine, path)
        {
            self.share(digest, path);
            return Ok(component);
        }
        let mut code = Vec::new();
        self.compile(bytes, &mut code)?;
        // SAFETY: the compiler made these bytes for this engine, and nobody else could change them. wasmtime itself checks that
        // they were made by the same version and configuration.
        #[expect(unsafe_code, reason = "loading machine code is what this module is for")]
        let loaded = unsafe { Component::deserialize(&self.engine, &code) };
        loaded.map_err(|error| CompileError::Invalid(describe(&error)))
    }

    /// Waits until no other component is read or compiled, at most as long as compiling one may take.
    pub(super) fn turn_to_compile(&self) -> Result<MutexGuard<'_, ()>, CompileError> {
        self.compiling.try_lock_for(self.compile_timeout()).ok_or_else(CompileError::busy)
    }

    /// Returns how long compiling one component may take.
    pub fn compile_timeout(&self) -> Duration {
        self.compiler.timeout()
    }

    fn compile(&self, bytes: &[u8], code: &mut impl io::Write) -> Result<(), CompileError> {
        let started = Instant::now();
        let compiled = self.compiler.compile(&self.engine, bytes, code);
        METRICS.guests.compiled(started.elapsed());
        compiled
    }

    /// Compiles a component into a file of the cache. Returns whether the file could be written.
    fn compile_into(&self, path: &Path, bytes: &[u8]) -> Result<bool, CompileError> {
        let not_kept = |error: &dyn std::fmt::Display| {
            tracing::warn!(event = "compiled_code_not_kept", path = %path.display(), %error, "cannot write compiled code to the cache");
            Ok(false)
        };
        let mut code = match partial_file(path) {
            Ok(file) => SealingWriter::new(file),
            Err(error) => return not_kept(&error),
        };
        match self.compile(bytes, &mut code) {
            Ok(()) => {}
            Err(CompileError::NotWritten(error)) => return not_kept(&error),
            Err(error) => return Err(error),
        }
        match code.seal().and_then(|file| keep(file, path)) {
            Ok(()) => Ok(true),
            Err(error) => not_kept(&error),
        }
    }

    /// Returns whether the compiled code of a component is on disk.
    pub fn is_compiled(&self, digest: Digest) -> bool {
        let own = |folder| path(&self.engine, folder, digest).exists();
        self.cache.as_deref().is_some_and(|folder| own(folder) || self.is_shared(digest))
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

pub(super) fn path(engine: &Engine, folder: &Path, digest: Digest) -> PathBuf {
    folder.join(format!("{}-{FORM}-{:016x}.cwasm", hex::encode(digest.0), fingerprint(engine)))
}

/// Loads a file of the cache. Returns `None` if there is no such file, or it must not be used; a damaged one is removed.
fn load(engine: &Engine, path: &Path) -> Option<Component> {
    if !path.exists() {
        return None;
    }
    let trusted = path.parent().map_or(Ok(()), trustworthy).and_then(|()| trustworthy(path));
    if let Err(reason) = trusted.and_then(|()| ordinary(path)) {
        tracing::warn!(event = "compiled_code_not_trusted", path = %path.display(), %reason, "compiled code is not trusted, compiling again");
        return None;
    }
    match fs::File::open(path).and_then(|mut file| is_whole(&mut file)) {
        Ok(true) => {}
        Ok(false) => {
            tracing::warn!(event = "compiled_code_damaged", path = %path.display(), "compiled code is damaged, compiling again");
            drop(fs::remove_file(path));
            return None;
        }
        Err(error) => {
            tracing::warn!(event = "compiled_code_not_loaded", path = %path.display(), %error, "compiled code cannot be read, compiling again");
            return None;
        }
    }
    // SAFETY: the file was written by `compile_into` above: only this user can write to the file and its folder, as was just
    // checked, it appears under this name by a rename of complete bytes, and its checksum was just compared. wasmtime itself
    // checks that it was made by the same version and configuration.
    #[expect(unsafe_code, reason = "loading machine code is what this module is for")]
    let loaded = unsafe { Component::deserialize_file(engine, path) };
    loaded
        .inspect_err(|error| tracing::warn!(event = "compiled_code_not_loaded", path = %path.display(), error = describe(error), "compiled code cannot be loaded, compiling again"))
        .ok()
}

/// Makes a file for code in the folder of `path`, under a unique name and readable by this user alone.
pub(super) fn partial_file(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    // Code in a folder that is not trusted would be compiled again each time.
    trustworthy(folder).map_err(io::Error::other)?;
    tempfile::Builder::new().suffix(".partial").tempfile_in(folder)
}

/// Gives a complete file its name.
pub(super) fn keep(mut file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Checks that `path` is a file: opening a pipe would wait for its writer for ever.
pub(super) fn ordinary(path: &Path) -> Result<(), String> {
    let is_file = fs::symlink_metadata(path).map_err(|error| error.to_string())?.is_file();
    if is_file { Ok(()) } else { Err(format!("{} is no ordinary file", path.display())) }
}

/// Checks that only this user (or root) can have written the file or folder at `path`.
#[cfg(unix)]
pub(super) fn trustworthy(path: &Path) -> Result<(), String> {
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
pub(super) fn trustworthy(path: &Path) -> Result<(), String> {
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
