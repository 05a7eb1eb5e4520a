//! A server that is cut off from the database stops its jobs, other servers take them over, and nothing is applied twice when
//! the server is back.
#![cfg(target_os = "linux")]

#[test]
fn a_server_that_was_cut_off_applies_nothing_twice() {
    if std::env::var_os("BULKHEAD_NO_NAMESPACES").is_some() {
        eprintln!("skipped, because BULKHEAD_NO_NAMESPACES is set");
        return;
    }
    let args = ["--exact", "a_server_that_was_cut_off_applies_nothing_twice", "--nocapture"].map(str::to_owned);
    if let Some(wrong) = bulkhead_crash::partition(2, 1, &args) {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
