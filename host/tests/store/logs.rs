//! What components print.

use bulkhead::domain::JobId;

use crate::ground::Ground;

pub(crate) fn are_kept_up_to_a_limit(ground: &Ground) {
    let store = &ground.store;
    let tenant = ground.tenant("acme");
    let id = ground.job_of(tenant, 1);
    assert_eq!(store.job_log(JobId::random()).unwrap(), None);
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some(""));
    let claim = ground.claim();
    store.append_job_log(&claim, "nothing is kept", 0).unwrap();
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some(""));
    for (text, log) in [("one\n", "one\n"), ("two\n", "one\ntwo\n"), ("", "one\ntwo\n"), ("three", "one\ntwo\nth")] {
        store.append_job_log(&claim, text, 10).unwrap();
        assert_eq!(store.job_log(id).unwrap().as_deref(), Some(log));
    }
    // The claim that finished a job may still say what was printed.
    ground.finish(&claim);
    store.append_job_log(&claim, "!", 11).unwrap();
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some("one\ntwo\nth!"));
    assert!(store.delete_job(tenant, id).unwrap());
    assert_eq!(store.job_log(id).unwrap(), None);
    store.append_job_log(&claim, "late", 100).unwrap();
    assert_eq!(store.job_log(id).unwrap(), None);
}

pub(crate) fn take_any_text(ground: &Ground) {
    let store = &ground.store;
    let id = ground.job_of(ground.tenant("acme"), 1);
    let claim = ground.claim();
    // The limit is in bytes and may go through a character; whatever is kept can be read.
    store.append_job_log(&claim, "aé", 2).unwrap();
    assert_eq!(store.job_log(id).unwrap().as_deref(), Some("a\u{fffd}"));
    store.release(&claim).unwrap();
    let other = ground.job_of(ground.tenant("other"), 1);
    let claim = loop {
        let claim = ground.claim();
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
