//! Job logs.

use bulkhead::domain::JobId;

use crate::fixture::StoreFixture;

pub(crate) fn a_log_is_kept_up_to_its_limit(fixture: &StoreFixture) {
    let store = &fixture.store;
    let tenant = fixture.add_tenant("acme");
    let id = fixture.job_of(tenant, 1);
    assert_eq!(store.job_log(JobId::random()).unwrap(), None);
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some(""));
    let claim = fixture.claim();
    store.append_job_log(&claim, "nothing is kept", 0).unwrap();
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some(""));
    for (text, log) in [("one\n", "one\n"), ("two\n", "one\ntwo\n"), ("", "one\ntwo\n"), ("three", "one\ntwo\nth")] {
        store.append_job_log(&claim, text, 10).unwrap();
        assert_eq!(store.job_log(id).unwrap().as_deref(), Some(log));
    }
    // The claim that finished the job may still append to the log.
    fixture.finish(&claim);
    store.append_job_log(&claim, "!", 11).unwrap();
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some("one\ntwo\nth!"));
    assert!(store.delete_job(tenant, id).unwrap());
    assert_eq!(store.job_log(id).unwrap(), None);
    store.append_job_log(&claim, "late", 100).unwrap();
    assert_eq!(store.job_log(id).unwrap(), None);
}

pub(crate) fn a_log_takes_any_text(fixture: &StoreFixture) {
    let store = &fixture.store;
    let id = fixture.job_of(fixture.add_tenant("acme"), 1);
    let claim = fixture.claim();
    // The limit is in bytes and may cut a character; the log is valid text all the same.
    store.append_job_log(&claim, "aé", 2).unwrap();
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some("a\u{fffd}"));
    store.release(&claim).unwrap();
    let other = fixture.job_of(fixture.add_tenant("other"), 1);
    let claim = loop {
        let claim = fixture.claim();
        if claim.job == other {
            break claim;
        }
    };
    let text = "nul \0, quote ', backslash \\x00, crab 🦀\r\n";
    store.append_job_log(&claim, text, 1_000).unwrap();
    store.append_job_log(&claim, text, 1_000).unwrap();
    let log = store.job_log(other).unwrap().unwrap();
    assert_eq!(log, format!("{text}{text}"));
}
