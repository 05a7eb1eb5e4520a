//! Sessions of the console, and staged files.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use bulkhead::domain::{FileName, StagedFileId, TenantId};
use bulkhead::store::{
    ConsoleSession, MAX_CONSOLE_SESSIONS, MAX_STAGED_FILES, NewConsoleSession, NewStagedFile, Store, StoreError, Swept,
};
use bytes::Bytes;

use crate::fixture::{StoreFixture, seconds, secret};

const HOUR: Duration = Duration::from_secs(3_600);
const SECOND: Duration = Duration::from_secs(1);
/// Threads that do the same at once.
const THREADS: usize = 4;

/// Returns a session of this name, which began with this credential.
fn session(name: &str, credential: &str, tenant: Option<TenantId>) -> NewConsoleSession {
    NewConsoleSession { hash: secret(name), credential: secret(credential), tenant, lifetime: HOUR }
}

fn found(store: &dyn Store, name: &str) -> Option<ConsoleSession> {
    store.console_session(&secret(name)).unwrap()
}

fn file(tenant: TenantId, content: impl Into<Bytes>) -> NewStagedFile {
    let name = FileName::parse("contacts.csv").unwrap();
    NewStagedFile { tenant, id: StagedFileId::random(), name, content: content.into(), lifetime: HOUR }
}

/// Stages a small file and returns its id.
fn stage(store: &dyn Store, tenant: TenantId) -> StagedFileId {
    let new = file(tenant, "email\na@x\n");
    store.stage_file(&new).unwrap();
    new.id
}

fn is_staged(fixture: &StoreFixture, tenant: TenantId, id: StagedFileId) -> bool {
    fixture.store.staged_file(tenant, id).unwrap().is_some()
}

/// Runs `work` on several servers at once, with the number of each.
fn at_once(fixture: &StoreFixture, work: impl Fn(&dyn Store, usize) + Sync) {
    let barrier = Barrier::new(THREADS);
    let servers: Vec<_> = (0..THREADS).map(|_| fixture.another_server()).collect();
    thread::scope(|scope| {
        for (number, server) in servers.iter().enumerate() {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(&**server, number);
            });
        }
    });
}

pub(crate) fn a_session_is_found_until_it_ends_or_expires(fixture: &StoreFixture) {
    let (store, other_server) = (&*fixture.store, fixture.another_server());
    let tenant = fixture.add_tenant("acme");
    let begun = store.now();
    for (name, owner) in [("s1", Some(tenant)), ("s2", Some(tenant)), ("o1", None)] {
        store.begin_console_session(&session(name, "acme", owner)).unwrap();
        let found = found(&*other_server, name).expect("it has begun");
        assert_eq!((found.credential, found.tenant), (secret("acme"), owner), "{name}");
        assert!((3_590..=3_610).contains(&seconds(begun, found.expires_at)), "{:?}", found.expires_at);
    }
    assert_eq!(found(store, "acme"), None, "a credential is no session");
    for _ in 0..2 {
        store.end_console_session(&secret("s1")).unwrap();
        assert_eq!(found(&*other_server, "s1"), None);
    }
    fixture.set_clock(HOUR - 60 * SECOND);
    assert_eq!(store.sweep().unwrap(), Swept::default());
    store.begin_console_session(&session("late", "acme", Some(tenant))).unwrap();
    assert!(found(store, "s2").is_some() && found(store, "o1").is_some());
    fixture.set_clock(HOUR + 60 * SECOND);
    assert!(found(store, "s2").is_none() && found(store, "o1").is_none());
    assert_eq!(fixture.count("console_sessions"), 3);
    while store.sweep().unwrap().more {}
    assert_eq!(fixture.count("console_sessions"), 1);
    assert!(found(store, "late").is_some());
}

pub(crate) fn the_oldest_sessions_of_a_credential_end(fixture: &StoreFixture) {
    let store = &*fixture.store;
    let tenant = fixture.add_tenant("acme");
    for (credential, owner) in [("acme", Some(tenant)), ("token", None)] {
        store.begin_console_session(&session(&format!("{credential} other"), "other", owner)).unwrap();
        let name = |number: u32| format!("{credential} {number}");
        for number in 0..MAX_CONSOLE_SESSIONS + 2 {
            // The order in which sessions expire says nothing.
            let lifetime = HOUR * (MAX_CONSOLE_SESSIONS + 2 - number);
            let new = NewConsoleSession { lifetime, ..session(&name(number), credential, owner) };
            store.begin_console_session(&new).unwrap();
        }
        let left: Vec<u32> =
            (0..MAX_CONSOLE_SESSIONS + 2).filter(|number| found(store, &name(*number)).is_some()).collect();
        assert_eq!(left, (2..MAX_CONSOLE_SESSIONS + 2).collect::<Vec<_>>(), "{credential}");
    }
    for credential in ["acme", "token"] {
        assert!(found(store, &format!("{credential} other")).is_some(), "{credential}");
    }
}

pub(crate) fn sessions_that_begin_at_once_stay_within_their_limit(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    for (credential, owner) in [("acme", Some(tenant)), ("token", None)] {
        at_once(fixture, |server, number| {
            for round in 0..MAX_CONSOLE_SESSIONS / 2 {
                let name = format!("{credential} {number} {round}");
                server.begin_console_session(&session(&name, credential, owner)).unwrap();
            }
        });
    }
    assert_eq!(fixture.count("console_sessions"), i64::from(2 * MAX_CONSOLE_SESSIONS));
}

pub(crate) fn sessions_go_with_their_tenant(fixture: &StoreFixture) {
    let store = &*fixture.store;
    let [acme, other] = ["acme", "other"].map(|name| fixture.add_tenant(name));
    for (name, owner) in [("a", Some(acme)), ("b", Some(other)), ("o", None)] {
        store.begin_console_session(&session(name, name, owner)).unwrap();
    }
    store.remove_tenant("acme").unwrap();
    assert_eq!(fixture.count("console_sessions"), 2);
    assert!(found(store, "a").is_none() && found(store, "b").is_some() && found(store, "o").is_some());
    store.begin_console_session(&session("a", "a", Some(acme))).unwrap();
    assert!(found(store, "a").is_none(), "nobody logs in to a removed tenant");
}

pub(crate) fn a_staged_file_is_what_was_brought(fixture: &StoreFixture) {
    let (store, other_server) = (&*fixture.store, fixture.another_server());
    let tenant = fixture.add_tenant("acme");
    let mut state = 1_u32;
    let noise = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let large = b"email,name\n".repeat(3 << 17);
    for (name, content) in [
        ("empty", Vec::new()),
        ("Kontakte (März).csv", b"email\r\na@x\r\n".to_vec()),
        ("bytes", (0..=255).collect()),
        ("noise", (0..1 << 20).map(noise).collect()),
        ("large", large),
    ] {
        let begun = store.now();
        let name = FileName::parse(name).unwrap();
        let new = NewStagedFile { name: name.clone(), ..file(tenant, content.clone()) };
        store.stage_file(&new).unwrap();
        let staged = other_server.staged_file(tenant, new.id).unwrap().expect("it is there");
        assert!(staged.content == content, "{name}");
        assert_eq!(staged.name, name);
        assert!((3_590..=3_610).contains(&seconds(begun, staged.expires_at)), "{:?}", staged.expires_at);
    }
    assert_eq!(store.usage(tenant).unwrap().stored_bytes, 0);
    assert_eq!(fixture.miscounted(), "");
}

pub(crate) fn a_staged_file_is_its_tenants_alone(fixture: &StoreFixture) {
    let store = &*fixture.store;
    let [acme, other] = ["acme", "other"].map(|name| fixture.add_tenant(name));
    let id = stage(store, acme);
    assert!(!is_staged(fixture, other, id));
    assert!(!is_staged(fixture, acme, StagedFileId::random()));
    assert!(is_staged(fixture, acme, id));
}

pub(crate) fn the_oldest_staged_files_of_a_tenant_go(fixture: &StoreFixture) {
    let store = &*fixture.store;
    let [acme, other] = ["acme", "other"].map(|name| fixture.add_tenant(name));
    let theirs = stage(store, other);
    let staged: Vec<StagedFileId> = (0..MAX_STAGED_FILES + 3).map(|_| stage(store, acme)).collect();
    let left: Vec<StagedFileId> = staged.iter().copied().filter(|id| is_staged(fixture, acme, *id)).collect();
    assert_eq!(left, staged[3..]);
    assert!(is_staged(fixture, other, theirs));
}

pub(crate) fn files_that_are_staged_at_once_stay_within_their_limit(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    at_once(fixture, |server, _| {
        for _ in 0..MAX_STAGED_FILES {
            stage(server, tenant);
        }
    });
    assert_eq!(fixture.count("staged_files"), i64::from(MAX_STAGED_FILES));
}

pub(crate) fn expired_files_are_swept_a_few_at_a_time(fixture: &StoreFixture) {
    const MAX_SWEPT: i64 = 4;
    let store = &*fixture.store;
    let [acme, other] = ["acme", "other"].map(|name| fixture.add_tenant(name));
    let ids: Vec<_> = (0..MAX_STAGED_FILES).map(|_| (stage(store, acme), stage(store, other))).collect();
    fixture.set_clock(HOUR - 60 * SECOND);
    assert_eq!(store.sweep().unwrap(), Swept::default());
    // In the place of the oldest.
    let late = stage(store, acme);
    fixture.set_clock(HOUR + 60 * SECOND);
    for (ours, theirs) in ids {
        assert!(!is_staged(fixture, acme, ours) && !is_staged(fixture, other, theirs));
    }
    let (mut left, mut steps) = (fixture.count("staged_files"), 0);
    loop {
        let more = store.sweep().unwrap().more;
        let now = fixture.count("staged_files");
        assert!(left - now <= MAX_SWEPT, "{} at once", left - now);
        (left, steps) = (now, steps + 1);
        if !more {
            break;
        }
        assert!(steps < 100, "it does not end");
    }
    assert_eq!(left, 1);
    assert!(is_staged(fixture, acme, late));
}

pub(crate) fn staged_files_go_with_their_tenant(fixture: &StoreFixture) {
    let store = &*fixture.store;
    let [acme, other] = ["acme", "other"].map(|name| fixture.add_tenant(name));
    let ids: Vec<StagedFileId> = (0..MAX_STAGED_FILES).map(|_| stage(store, acme)).collect();
    let theirs = stage(store, other);
    store.remove_tenant("acme").unwrap();
    assert!(ids.iter().all(|id| !is_staged(fixture, acme, *id)), "before a sweep");
    stage(store, acme);
    assert_eq!(fixture.count("staged_files"), i64::from(MAX_STAGED_FILES) + 1, "a removed tenant's file was kept");
    while store.sweep().unwrap().more {}
    assert_eq!(fixture.count("staged_files"), 1);
    assert!(is_staged(fixture, other, theirs));
}

pub(crate) fn a_file_that_could_not_be_read_is_refused(fixture: &StoreFixture) {
    let tenant = fixture.add_tenant("acme");
    let new = file(tenant, vec![0; (256 << 20) + 1]);
    let refused = fixture.store.stage_file(&new).expect_err("it is too large");
    assert!(matches!(refused, StoreError::Refused { .. }), "{refused}");
    assert!(refused.to_string().contains("a file of more than 256 MiB"), "{refused}");
    assert!(!is_staged(fixture, tenant, new.id));
}
