//! The files of the build that tests run.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// Returns the path of the `bulkhead` program: `BULKHEAD_BIN`, or in the release directory of the tests' own program.
pub fn binary() -> PathBuf {
    let path = env::var_os("BULKHEAD_BIN").map_or_else(|| release().join("bulkhead"), PathBuf::from);
    there(path, "BULKHEAD_BIN")
}

/// Returns the path of the `bulkhead` program of an earlier version: `BULKHEAD_EARLIER_BIN`, or where `scripts/earlier-version` puts it.
pub fn earlier_binary() -> PathBuf {
    let commit = include_str!("../fixtures/earlier-version").lines().find(|line| !line.starts_with('#'));
    let built = || target().join("earlier").join(commit.expect("a commit is named")).join("bulkhead");
    there(env::var_os("BULKHEAD_EARLIER_BIN").map_or_else(built, PathBuf::from), "BULKHEAD_EARLIER_BIN")
}

/// Returns the path of a component: in `BULKHEAD_COMPONENTS`, or in the target directory's `components`.
pub fn component(name: &str) -> PathBuf {
    component_file(&format!("{name}.wasm"))
}

/// Returns the path of a file next to the components.
pub fn component_file(name: &str) -> PathBuf {
    let folder = env::var_os("BULKHEAD_COMPONENTS").map_or_else(|| target().join("components"), PathBuf::from);
    there(folder.join(name), "BULKHEAD_COMPONENTS")
}

/// Returns the path of an example host of the default component: in `BULKHEAD_HOSTS`, or in the target directory's `hosts`.
pub(crate) fn host(name: &str) -> PathBuf {
    let folder = env::var_os("BULKHEAD_HOSTS").map_or_else(|| target().join("hosts"), PathBuf::from);
    there(folder.join(name), "BULKHEAD_HOSTS")
}

/// Returns the path of what runs an example receiver of webhooks: in `BULKHEAD_HOSTS`, or in the target directory's `hosts`.
pub fn receiver(language: &str) -> PathBuf {
    host(&format!("receiver-{language}"))
}

/// Returns the path of a tool that checks what is in `deploy/`: in `BULKHEAD_DEPLOY_TOOLS`, or in the target directory's
/// `tools/deploy/bin`.
pub fn deploy_tool(name: &str) -> PathBuf {
    let folder = env::var_os("BULKHEAD_DEPLOY_TOOLS").map_or_else(|| target().join("tools/deploy/bin"), PathBuf::from);
    there(folder.join(name), "BULKHEAD_DEPLOY_TOOLS")
}

/// Returns the path of a WebAssembly tool: in `BULKHEAD_TOOLS`, or in the target directory's `tools/bin`.
pub fn tool(name: &str) -> PathBuf {
    let folder = env::var_os("BULKHEAD_TOOLS").map_or_else(|| target().join("tools/bin"), PathBuf::from);
    there(folder.join(name), "BULKHEAD_TOOLS")
}

fn there(path: PathBuf, variable: &str) -> PathBuf {
    assert!(
        path.is_file(),
        "{} is missing. `make test` and `make bench` build it; {variable} names another place.",
        path.display()
    );
    path
}

/// Returns the folder of compiled components that tests share, because compiling takes half a second. A server checks that a
/// file fits by the digest and the engine in its name.
pub(crate) fn compiled() -> PathBuf {
    target().join("tmp").join("compiled")
}

/// Returns the cache folder of commands, instead of the user's.
pub(crate) fn caches() -> PathBuf {
    target().join("tmp").join("caches")
}

/// Copies compiled components that the other folder lacks. Each file appears whole or not at all.
pub(crate) fn share(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(to)?;
    let Ok(entries) = fs::read_dir(from) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let file = to.join(entry.file_name());
        if entry.path().extension().is_some_and(|extension| extension == "cwasm") && !file.exists() {
            let partial = tempfile::NamedTempFile::new_in(to)?;
            fs::copy(entry.path(), partial.path())?;
            partial.persist(file)?;
        }
    }
    Ok(())
}

fn release() -> PathBuf {
    let program = env::current_exe().expect("a program knows its own path");
    let folder = program.parent().expect("a program is in a folder");
    // Tests are in <target>/release/deps, programs and examples in <target>/release and <target>/release/examples.
    let is_inner = folder.ends_with("deps") || folder.ends_with("examples");
    let release = if is_inner { folder.parent() } else { Some(folder) };
    release.expect("a program is in a target directory").to_owned()
}

/// Returns the target directory of the tests' own program.
pub fn target() -> PathBuf {
    release().parent().expect("a profile has a target directory").to_owned()
}
