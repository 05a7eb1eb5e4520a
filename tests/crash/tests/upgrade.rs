//! Servers of an earlier version are replaced by this one.

#[test]
fn servers_are_replaced_by_a_newer_version_under_load() {
    let upgrade = bulkhead_crash::upgrade(&bulkhead_tests::earlier_binary(), 1);
    println!("{upgrade:?}");
    assert!(upgrade.wrong.is_empty(), "{}", upgrade.wrong.join("\n"));
    assert!(upgrade.jobs > 10, "{upgrade:?}");
}
