//! The audit log.

use std::time::Duration;

use bulkhead::store::{AuditEnd, AuditEntry, AuditQuery, NewAuditEntry};

use crate::fixture::StoreFixture;

const KEPT: u32 = 5;

fn entry<'a>(action: &'a str, tenant: Option<&'a str>) -> NewAuditEntry<'a> {
    NewAuditEntry {
        who: "ann",
        way: "http",
        origin: Some("192.0.2.1"),
        request_id: Some("r1"),
        action,
        is_reading: action == "job.log",
        makes_room: false,
        tenant,
        object: None,
        details: "{}",
    }
}

fn all(fixture: &StoreFixture) -> Vec<AuditEntry> {
    fixture.store.audit_entries(&AuditQuery { tenant: None, before: None, limit: 100 }).unwrap()
}

pub(crate) fn an_act_is_logged_before_and_after(fixture: &StoreFixture) {
    let store = &fixture.store;
    assert_eq!(all(fixture), []);
    let done = store.begin_audit_entry(&entry("tenant.add", Some("acme")), KEPT).unwrap();
    fixture.set_clock(Duration::from_secs(60));
    let failed = store.begin_audit_entry(&entry("job.undo", None), KEPT).unwrap();
    let begun = all(fixture);
    assert_eq!(begun.iter().map(|entry| entry.is_done).collect::<Vec<_>>(), [None, None]);
    let (details, object) = (r#"{"jobs":1}"#, Some("7"));
    store.end_audit_entry(done, &AuditEnd { error: None, tenant: None, object: None, details }).unwrap();
    let end = AuditEnd { error: Some("no such job"), tenant: Some("late"), object, details: "{}" };
    store.end_audit_entry(failed, &end).unwrap();
    let [second, first] = <[AuditEntry; 2]>::try_from(all(fixture)).unwrap();
    assert!((first.id, second.id) == (done, failed) && done < failed);
    assert!(second.at.0 - first.at.0 >= 59_000_000, "{:?} {:?}", first.at, second.at);
    assert_eq!((first.is_done, first.error.as_deref(), &*first.details), (Some(true), None, details));
    assert_eq!((first.tenant.as_deref(), first.object.as_deref()), (Some("acme"), None));
    assert_eq!((second.is_done, second.error.as_deref()), (Some(false), Some("no such job")));
    assert_eq!((second.tenant.as_deref(), second.object.as_deref()), (Some("late"), object));
    for it in [first, second] {
        assert_eq!((&*it.who, &*it.way), ("ann", "http"));
        assert_eq!((it.origin.as_deref(), it.request_id.as_deref()), (Some("192.0.2.1"), Some("r1")));
    }
}

pub(crate) fn the_audit_log_keeps_its_newest_entries(fixture: &StoreFixture) {
    let store = &fixture.store;
    let add = |tenant| store.begin_audit_entry(&entry("tenant.set", tenant), KEPT).unwrap();
    let ids: Vec<i64> = (0..8).map(|number| add((number % 2 == 0).then_some("acme"))).collect();
    let listed = |tenant, before, limit| -> Vec<i64> {
        let query = AuditQuery { tenant, before, limit };
        store.audit_entries(&query).unwrap().into_iter().map(|entry| entry.id).collect()
    };
    let newest: Vec<i64> = ids.iter().rev().copied().take(5).collect();
    assert_eq!(listed(None, None, 100), newest);
    assert_eq!(listed(None, None, 2), newest[..2]);
    assert_eq!(listed(None, Some(newest[1]), 100), newest[2..]);
    assert_eq!(listed(Some("acme"), None, 100), [ids[6], ids[4]]);
    assert!(listed(Some("other"), None, 100).is_empty());
    // Whoever reads pushes out what was read alone.
    for _ in 0..KEPT + 2 {
        store.begin_audit_entry(&entry("job.log", None), KEPT).unwrap();
    }
    let all = listed(None, None, 100);
    assert_eq!((all.len(), &all[5..]), (10, &newest[..]));
    store.begin_audit_entry(&entry("tenant.set", None), KEPT).unwrap();
    assert_eq!(listed(None, None, 100)[6..], newest[..4]);
    let newest = &listed(None, None, 100)[..];
    // The end of an act whose entry is gone.
    let end = AuditEnd { error: None, tenant: None, object: None, details: "{}" };
    store.end_audit_entry(ids[0], &end).unwrap();
    assert_eq!(listed(None, None, 100), newest);
}
