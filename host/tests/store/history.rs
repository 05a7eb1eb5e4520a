//! What earlier versions of this program have left in an embedded store.

use bulkhead::domain::{JobState, TenantId};
use bulkhead::store::Authentication;
use rusqlite::params;

use crate::ground::{DEFAULT, FINISHED, Ground, RETENTION, making, secret};

const FIRST: &str = include_str!("../../src/store/sqlite/schema/0001.sql");

/// A tenant, a contact and two jobs, the one half done.
fn leave(connection: &rusqlite::Connection) {
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
                params![id, sequence, state, DEFAULT.0, RETENTION.as_micros() as i64, cursor, now],
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

pub(crate) fn what_the_first_version_stored_is_kept(_: &Ground) {
    let ground = Ground::left_by(leave);
    let tenant = TenantId(1);
    assert_eq!(ground.store.tenant("acme").unwrap().unwrap().id, tenant);
    assert!(matches!(ground.store.authenticate(Some("acme-id"), &secret("acme")).unwrap(), Authentication::Tenant(_)));
    assert_eq!(ground.by_address(tenant, "a@x").unwrap().document, r#"{"email":"a@x"}"#);
    assert_eq!(ground.count(tenant), 1);
    // The jobs go on where they were, by the profile that their tenant has.
    let mut cursors = Vec::new();
    for place in 0..2 {
        let claim = ground.claim();
        assert_eq!((claim.tenant, claim.profile.text(), claim.attempts), (tenant, r#"{"maxLength":64}"#, 1));
        let batches = ground.store.chunks(&claim, claim.cursor, 1 << 20).unwrap();
        assert_eq!(batches[0].items, [format!(r#"{{"place":{}}}"#, claim.cursor)]);
        cursors.push(claim.cursor);
        let addresses: Vec<String> = (claim.cursor..2).map(|number| format!("new-{place}-{number}@x")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        assert_eq!(ground.commit(&claim, &making(claim.cursor, &addresses)), FINISHED);
        let job = ground.job(tenant, claim.job);
        assert_eq!((job.state, job.counts.created), (JobState::Completed, 2));
    }
    assert_eq!(cursors, [1, 0], "the older one first");
    // What comes now is listed beside what was there, and no number is given twice.
    assert_eq!(ground.count(tenant), 4);
    assert_eq!(ground.by_address(tenant, "a@x").unwrap().version, 1);
}
