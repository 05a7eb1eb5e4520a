//! The checks of what the system lets a server take.

use rustix::process::{Resource, getrlimit};

use super::Finding;

/// File descriptors that a server with the default options uses at most, roughly.
const NEEDED_DESCRIPTORS: u64 = 2_048;
/// Threads that suffice for a server with many workers.
const NEEDED_THREADS: u64 = 1_024;
/// GiB of addresses that each component instance reserves at most: 4 GiB of memory, and as much that must not be touched.
const GIB_PER_INSTANCE: u64 = 9;
/// The file with the limit of processes and threads of a container.
const PIDS_MAX: &str = "/sys/fs/cgroup/pids.max";

/// Checks how many files a server may open.
pub(super) fn descriptors() -> Finding {
    const CHECK: &str = "descriptors";
    match getrlimit(Resource::Nofile).maximum {
        Some(limit) if limit < NEEDED_DESCRIPTORS => Finding::warn(
            CHECK,
            format!("a process may open {limit} files"),
            format!("allow {NEEDED_DESCRIPTORS} or more (ulimit -Hn, LimitNOFILE=), or lower --max-connections"),
        ),
        limit => Finding::ok(CHECK, limit.map_or(String::from("no limit"), |limit| format!("{limit} files"))),
    }
}

/// Checks how many addresses a server may reserve, in which so many component instances live at a time. Reserved addresses take no
/// memory.
pub(super) fn addresses(instances: u32) -> Finding {
    const CHECK: &str = "addresses";
    let needed = u64::from(instances) * GIB_PER_INSTANCE;
    match getrlimit(Resource::As).current.map(|bytes| bytes >> 30) {
        Some(limit) if limit < needed => Finding::fail(
            CHECK,
            format!("a process may reserve {limit} GiB of addresses, and a server reserves up to {needed} GiB"),
            "remove the limit (ulimit -v, LimitAS=), and bound memory by a cgroup (MemoryMax=); or lower --workers",
        ),
        limit => Finding::ok(CHECK, limit.map_or(String::from("no limit"), |limit| format!("{limit} GiB"))),
    }
}

/// Checks how many threads a server may have.
pub(super) fn threads() -> Finding {
    const CHECK: &str = "threads";
    let of_container = std::fs::read_to_string(PIDS_MAX).ok().and_then(|text| text.trim().parse().ok());
    let limits = [getrlimit(Resource::Nproc).current, of_container];
    match limits.into_iter().flatten().min() {
        Some(limit) if limit < NEEDED_THREADS => Finding::warn(
            CHECK,
            format!("all processes of this user or container may have {limit} threads"),
            format!("allow {NEEDED_THREADS} or more (ulimit -u, TasksMax=, --pids-limit)"),
        ),
        limit => Finding::ok(CHECK, limit.map_or(String::from("no limit"), |limit| format!("{limit} threads"))),
    }
}
