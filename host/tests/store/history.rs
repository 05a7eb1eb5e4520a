//! Data that earlier versions of this program have stored in SQLite.

use bulkhead::domain::{JobState, TenantId};
use bulkhead::store::Authentication;
use rusqlite::params;

use crate::fixture::{DEFAULT_PROCESSOR, FINISHED, RETENTION, StoreFixture, creating, secret};

const FIRST: &str = include_str!("../../src/store/sqlite/schema/0001.sql");

/// Stores a tenant, a contact, and two jobs, one of which is half done.
fn store_data(connection: &rusqlite::Connection) {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.execute_batch(FIRST).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    let now = bulkhead::clock::Clock::system().now().0;
    connection
        .execute(
            "INSERT INTO tenants (name, profile, client_id, secret_hash, next_contact, created_at)
             VALUES ('acme', '{\"maxLength\":64}', 'acme-id', ?1, 2, ?2)",
            params![secret("acme"), now],
        )
        .unwrap();
    connection
        .execute_batch(
            r#"INSERT INTO contacts VALUES (1, 1, 1, '[["email","a@x"]]', '{"email":"a@x"}');
               INSERT INTO contact_keys VALUES (1, 'email', 'a@x', 1);"#,
        )
        .unwrap();
    let items = |lines: &str| zstd::bulk::compress(lines.as_bytes(), 1).unwrap();
    for (sequence, cursor, state) in [(1_u8, 1, "in_progress"), (2, 0, "queued")] {
        let id = [sequence; 16];
        connection
            .execute(
                "INSERT INTO jobs (tenant, id, sequence, operation, state, processor, retention, total, cursor, created,
                                   created_at, expires_at)
                 VALUES (1, ?1, ?2, 'create', ?3, ?4, ?5, 2, ?6, ?6, ?7, ?7 + ?5)",
                params![id, sequence, state, DEFAULT_PROCESSOR.0, RETENTION.as_micros() as i64, cursor, now],
            )
            .unwrap();
        for first in cursor..2 {
            let blob = items(&format!("{{\"place\":{first}}}\n"));
            connection
                .execute(
                    "INSERT INTO payloads (tenant, job, first, count, size, items) VALUES (1, ?1, ?2, 1, ?3, ?4)",
                    params![id, first, blob.len() as i64, blob],
                )
                .unwrap();
        }
    }
}

pub(crate) fn data_of_the_first_version_is_kept(_: &StoreFixture) {
    let fixture = StoreFixture::from_file(store_data);
    let tenant = TenantId(1);
    let acme = fixture.store.tenant("acme").unwrap().unwrap();
    assert_eq!((acme.id, acme.limits.undo_days), (tenant, 0), "nothing is kept unless the operator wants it");
    assert!(matches!(
        fixture.store.authenticate(Some("acme-id"), &secret("acme")).unwrap(),
        Authentication::Tenant(..)
    ));
    assert_eq!(fixture.by_address(tenant, "a@x").unwrap().document, r#"{"email":"a@x"}"#);
    assert_eq!(fixture.count_contacts(tenant), 1);
    assert_eq!(fixture.miscounted(), "", "opening the store counts what is there");
    let usage = fixture.store.usage(tenant).unwrap();
    assert_eq!((usage.contacts, usage.unfinished_jobs), (1, 2));
    assert!(usage.stored_bytes > 1_000, "{usage:?}");
    // The jobs continue at their cursors, by their tenant's profile.
    let mut cursors = Vec::new();
    for place in 0..2 {
        let claim = fixture.claim();
        assert_eq!((claim.tenant, claim.profile.text(), claim.attempts), (tenant, r#"{"maxLength":64}"#, 1));
        let batches = fixture.store.chunks(&claim, claim.cursor, 1 << 20).unwrap();
        assert_eq!(batches[0].items, [format!(r#"{{"place":{}}}"#, claim.cursor)]);
        cursors.push(claim.cursor);
        let addresses: Vec<String> = (claim.cursor..2).map(|number| format!("new-{place}-{number}@x")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        assert_eq!(fixture.commit(&claim, &creating(claim.cursor, &addresses)), FINISHED);
        let job = fixture.job(tenant, claim.job);
        assert_eq!((job.state, job.counts.created), (JobState::Completed, 2));
    }
    assert_eq!(cursors, [1, 0], "the older job first");
    // New contacts are listed with the old one, and no id is used twice.
    assert_eq!(fixture.count_contacts(tenant), 4);
    assert_eq!(fixture.by_address(tenant, "a@x").unwrap().version, 1);
    assert_eq!(fixture.miscounted(), "");
}
