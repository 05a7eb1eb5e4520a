//! The checks of `bulkhead doctor`.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bulkhead::plain_words::io_error;
use bulkhead::private_files::{Privacy, check_folder};
use bulkhead::store::sqlite::{SqliteFacts, SqliteStore, is_damage};
use bulkhead::store::{DiskState, Store, StoreError, StoredSchema, TenantSummary};

use super::Finding;
use crate::cli::store::DAMAGED;

/// Seconds from 1970 to 2026: no machine whose clock is right runs this program earlier.
const EARLIEST_SECONDS: u64 = 1_767_225_600;
/// How far a stored time may be ahead of the clock.
const MAX_LEAD: Duration = Duration::from_secs(60);
/// Time before which a tenant should get another secret.
const EXPIRES_SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// The part of a limit from which a tenant is near it, in percent.
const NEAR_PERCENT: u64 = 80;
/// Bytes of a write-ahead log that are more than a server leaves behind.
const LARGE_LOG_BYTES: u64 = 256 << 20;
/// Bytes that a job's batch may need of a disk.
const WAITING_BYTES: u64 = 8 << 20;

/// Checks that the clock shows a possible time.
pub(super) fn clock() -> Finding {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if seconds < EARLIEST_SECONDS {
        return Finding::fail(
            "clock",
            "this machine's clock is years behind",
            "set the clock, and let NTP keep it (timedatectl set-ntp true)",
        );
    }
    Finding::ok("clock", "plausible")
}

/// Checks the folder for compiled components.
pub(super) fn cache(folder: &Path) -> Finding {
    const CHECK: &str = "compiled";
    let name = folder.display();
    match fs::read_dir(folder) {
        Ok(entries) => {
            let bytes: u64 = entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum();
            match open_to_others(folder, 0o022) {
                Some(mode) => Finding::fail(
                    CHECK,
                    format!("{name} has mode {mode:o}, so other users can put machine code into it"),
                    format!("chmod 700 {name}"),
                ),
                None if !is_writable(folder) => Finding::fail(
                    CHECK,
                    format!("this user cannot write to {name}"),
                    format!("run doctor as the server's user; if it is, run: chown -R USER {name}"),
                ),
                None => Finding::ok(CHECK, format!("{name}, {}", mib(bytes))),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::ok(CHECK, format!("{name} is not there yet; a server makes it"))
        }
        Err(error) => {
            let advice = format!("let the server's user read and write it: chown -R USER {name}");
            Finding::fail(CHECK, format!("{name}: {}", io_error(&error)), advice)
        }
    }
}

/// Checks who can use the data folder. Returns also whether a command can open the store in it without changing the folder.
pub(super) fn folder(folder: &Path) -> (Finding, bool) {
    const CHECK: &str = "folder";
    let name = folder.display();
    match check_folder(folder) {
        Ok(Privacy::Private) => (Finding::ok(CHECK, format!("{name} is private")), true),
        Ok(Privacy::Missing) => {
            (Finding::fail(CHECK, format!("there is no folder {name}"), "name the data folder with --data"), false)
        }
        Ok(Privacy::Mendable) => (
            Finding::warn(
                CHECK,
                format!("other users can read {name}, or files in it"),
                "the next server or command makes it private",
            ),
            false,
        ),
        Err(error) => (Finding::fail(CHECK, error.to_string(), "servers and commands refuse this folder"), false),
    }
}

/// Returns a file's permissions if they have one of these bits.
fn open_to_others(path: &Path, bits: u32) -> Option<u32> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).ok()?.permissions()) & 0o7777;
        (mode & bits != 0).then_some(mode)
    }
    #[cfg(not(unix))]
    None
}

fn is_writable(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Checks an embedded database without changing it. Returns also whether this program can open it as it is.
pub(super) fn database(folder: &Path) -> (Vec<Finding>, bool) {
    if !SqliteStore::is_in(folder) {
        let found = format!("there is no store in {}", folder.display());
        return (
            vec![Finding::fail(
                "store",
                found,
                "name the folder of the store with --data, or make one there: start 'bulkhead serve --data' with it, or run 'bulkhead tenant add' with --create",
            )],
            false,
        );
    }
    let facts = match SqliteFacts::read(folder) {
        Ok(facts) => facts,
        Err(error) => return (vec![unreadable(&error)], false),
    };
    let (examined, is_usable) = schema(facts.schema, facts.known_schema);
    (vec![examined, size(&facts), times(&facts)], is_usable)
}

/// Says that the store cannot be read, and what to do.
pub(super) fn unreadable(error: &StoreError) -> Finding {
    let advice = match error {
        error if is_damage(error) => DAMAGED,
        StoreError::File { .. } | StoreError::Privacy(_) => "let the server's user read and write the file",
        _ => "look whether the database or the disk works; the system's log (journalctl -k) names faults of a disk",
    };
    Finding::fail("store", error.to_string(), advice)
}

/// Checks whether this program knows a schema. Returns also whether it can work with the schema as it is.
pub(super) fn schema(schema: StoredSchema, known: i64) -> (Finding, bool) {
    const CHECK: &str = "schema";
    let number = schema.number;
    match number.cmp(&known) {
        std::cmp::Ordering::Equal => (Finding::ok(CHECK, number.to_string()), true),
        std::cmp::Ordering::Less => (
            Finding::warn(
                CHECK,
                format!("{number}, and this version uses {known}"),
                "make a backup; the next server of this version, or 'bulkhead migrate', brings it up to date",
            ),
            false,
        ),
        std::cmp::Ordering::Greater if schema.is_usable_by(known) => {
            (Finding::ok(CHECK, format!("{number} of a newer version, with which this version can work")), true)
        }
        std::cmp::Ordering::Greater => (
            Finding::fail(
                CHECK,
                format!("{number}, and this version knows {known}"),
                "use the newer version that wrote it",
            ),
            false,
        ),
    }
}

fn size(facts: &SqliteFacts) -> Finding {
    const CHECK: &str = "size";
    let SqliteFacts { file_bytes, free_bytes, log_bytes, can_shrink, .. } = *facts;
    let found =
        format!("{}, of which {} are free; write-ahead log {}", mib(file_bytes), mib(free_bytes), mib(log_bytes));
    if !can_shrink {
        return Finding::warn(
            CHECK,
            format!("{found}; the file never shrinks"),
            "stop the server, copy the store with 'bulkhead backup NEW/bulkhead.sqlite' into a new folder (mkdir -m 700 NEW), and start the server with --data NEW",
        );
    }
    if log_bytes > LARGE_LOG_BYTES {
        return Finding::warn(
            CHECK,
            found,
            "look for a program that reads the database for long, such as a backup ('fuser -v' with the file names it), and end it",
        );
    }
    Finding::ok(CHECK, found)
}

fn times(facts: &SqliteFacts) -> Finding {
    const CHECK: &str = "times";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let last = Duration::from_micros(u64::try_from(facts.last_job_at).unwrap_or(0));
    match last.checked_sub(now) {
        Some(lead) if lead > MAX_LEAD => Finding::warn(
            CHECK,
            format!("the last job was accepted {} s after this moment, so the clock was set back", lead.as_secs()),
            "set the clock right; until then, jobs and tokens live longer",
        ),
        _ => Finding::ok(CHECK, "no stored time is ahead of the clock"),
    }
}

/// Says that the store was not opened, so that nothing in it was checked.
pub(super) fn not_opened() -> Finding {
    Finding::warn(
        "store",
        "not opened, so neither writes, nor the disk, nor tenants were checked",
        "mend what is said above, then run doctor again",
    )
}

/// Checks that the store takes a write.
pub(super) fn writes(store: &dyn Store) -> Finding {
    match store.check() {
        Ok(()) => Finding::ok("store", format!("{} takes writes", store.description())),
        Err(error) if is_damage(&error) => unreadable(&error),
        Err(error) => Finding::fail("store", error.to_string(), "requests get 503 until this is mended"),
    }
}

/// Checks the room on the store's disk, if it is on a disk of this machine.
pub(super) fn disk(store: &dyn Store) -> Option<Finding> {
    const CHECK: &str = "disk";
    let space = match store.disk_space() {
        Ok(space) => space?,
        Err(error) => {
            return Some(Finding::fail(
                CHECK,
                error.to_string(),
                "look whether the disk is mounted and works (df, journalctl -k)",
            ));
        }
    };
    let found = format!("{} of {} are free", mib(space.free_bytes), mib(space.total_bytes));
    // Jobs wait for room before less than the reserve is left; another process cannot know whether one does.
    let may_wait = !space.has_room_for(WAITING_BYTES);
    Some(match space.state() {
        DiskState::Filling if may_wait => Finding::fail(
            CHECK,
            found,
            "make room at once, as jobs and large requests may find none: enlarge the volume, or delete files that are not the store's",
        ),
        DiskState::Roomy => Finding::ok(CHECK, found),
        DiskState::Filling => Finding::warn(
            CHECK,
            found,
            "make room, or lower what tenants may keep (storedMiB); a full disk is everybody's 503",
        ),
        DiskState::Full => Finding::fail(
            CHECK,
            found,
            "make room at once, as requests get 503: enlarge the volume, or delete files that are not the store's",
        ),
    })
}

/// Checks whether each tenant has a secret that stays.
pub(super) fn secrets(store: &dyn Store) -> Result<Vec<Finding>, StoreError> {
    const CHECK: &str = "secrets";
    let soon = store.now().after(EXPIRES_SOON);
    let mut findings = Vec::new();
    let all = store.tenants()?;
    for TenantSummary { tenant, .. } in &all {
        let Some(secrets) = store.secrets(tenant)? else { continue };
        let add = format!("bulkhead tenant secret add {tenant}");
        if secrets.is_empty() {
            findings.push(Finding::warn(CHECK, format!("{tenant} has none, so none of its clients can connect"), add));
        } else if secrets.iter().all(|secret| secret.expires_at.is_some_and(|at| at <= soon)) {
            findings.push(Finding::warn(CHECK, format!("all of {tenant} expire within two weeks"), add));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("each of {} tenants has one for the next two weeks", all.len())));
    }
    Ok(findings)
}

/// Checks which tenants are near a limit of what they keep.
pub(super) fn tenants(store: &dyn Store) -> Result<Vec<Finding>, StoreError> {
    const CHECK: &str = "tenant";
    let mut findings = Vec::new();
    let all = store.tenants()?;
    for summary in &all {
        let Some(tenant) = store.tenant(&summary.tenant)? else { continue };
        let usage = store.usage(tenant.id)?;
        for (name, used, limit) in [
            ("storedContacts", usage.contacts, tenant.limits.stored_contacts),
            ("storedMiB", usage.stored_bytes >> 20, tenant.limits.stored_mib),
            ("queuedJobs", usage.unfinished_jobs, tenant.limits.queued_jobs),
        ] {
            if used.saturating_mul(100) >= limit.saturating_mul(NEAR_PERCENT) {
                findings.push(Finding::warn(
                    CHECK,
                    format!("{} has {used} of {limit} ({name})", tenant.name),
                    format!(
                        "write its limits with a higher {name} into a file ('bulkhead tenant show {0}' prints them), and run: bulkhead tenant set {0} --limits FILE; or have the tenant delete something",
                        tenant.name
                    ),
                ));
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, format!("none of {} is near its limits", all.len())));
    }
    Ok(findings)
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
