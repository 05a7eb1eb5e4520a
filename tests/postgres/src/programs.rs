//! Finding PostgreSQL's programs, and those of `scripts/postgres-tools`.

use std::path::{Path, PathBuf};

use crate::account::Account;

/// Returns the folder of a PostgreSQL that can make a cluster: of the one on the `PATH`, else of the newest one where
/// distributions install it.
///
/// # Panics
/// If there is none.
pub(crate) fn folder() -> PathBuf {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
    find(on_path).or_else(|| find(installed())).unwrap_or_else(|| {
        panic!(
            "there is no PostgreSQL on this machine (no 'initdb' on the PATH, none under /usr/lib/postgresql): \
             scripts/prerequisites installs it"
        )
    })
}

/// Returns the folder of another version's programs, of which some may be missing that need not be of that version.
///
/// # Panics
/// If it is not there.
pub(crate) fn folder_of(version: u32) -> PathBuf {
    tool(&version.to_string(), "initdb")
}

/// Returns the folder of PgBouncer.
///
/// # Panics
/// If it is not there.
pub(crate) fn pgbouncer() -> PathBuf {
    tool("pgbouncer", "pgbouncer")
}

/// Returns where `scripts/postgres-tools` put a program.
fn tool(name: &str, program: &str) -> PathBuf {
    let folder = tools().join(name).join("bin");
    assert!(
        folder.join(program).is_file(),
        "there is no {}: scripts/postgres-tools gets it",
        folder.join(program).display()
    );
    folder
}

/// Returns the folder of `scripts/postgres-tools`, which has the same rule.
fn tools() -> PathBuf {
    let named = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("BULKHEAD_POSTGRES_TOOLS").unwrap_or_else(|| {
        if Account::is_root() {
            return PathBuf::from("/var/cache/bulkhead/postgres");
        }
        let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
        cache.expect("there is a home").join("bulkhead/postgres")
    })
}

/// Returns the first folder that has all programs. Follows a link to `initdb`, as some systems have only links on the `PATH`.
fn find(folders: Vec<PathBuf>) -> Option<PathBuf> {
    folders.into_iter().find_map(|folder| {
        let real = folder.join("initdb").canonicalize().ok()?;
        let home = real.parent()?;
        ["initdb", "pg_ctl", "postgres", "psql"].iter().all(|name| home.join(name).is_file()).then(|| home.to_owned())
    })
}

/// Returns the folders where Debian, Red Hat and Homebrew install PostgreSQL, the newest version first.
fn installed() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for parent in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"] {
        for entry in Path::new(parent).read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let version = name.trim_start_matches("postgresql").trim_start_matches("pgsql-").trim_start_matches('@');
            let version = if version.is_empty() { Some(0) } else { version.parse::<u32>().ok() };
            found.extend(version.map(|version| (version, entry.path().join("bin"))));
        }
    }
    found.sort_by(|left, right| right.cmp(left));
    found.into_iter().map(|(_, folder)| folder).collect()
}
