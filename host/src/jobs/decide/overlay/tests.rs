use std::sync::Arc;

use super::Overlay;
use crate::clock::Clock;
use crate::domain::{ContactId, IndexEntry, ItemRemarks, StoredContact, TenantId, UniqueKey};
use crate::sandbox::Planned;
use crate::store::sqlite::SqliteStore;
use crate::store::{
    ApplyOutcome, BatchCommit, ContactWrite, DraftRow, Opening, RowBody, RowContact, Store, WriteTarget,
};
use crate::tenants::{NewCredential, Profile};

struct Fixture {
    _folder: tempfile::TempDir,
    store: Arc<dyn Store>,
    tenant: TenantId,
    overlay: Overlay,
}

fn key(value: &str) -> UniqueKey {
    UniqueKey { field: String::from("email"), value: value.to_owned() }
}

fn write(target: WriteTarget, value: &str) -> ContactWrite {
    let (document, index_entry) = (format!("{{\"v\":\"{value}\"}}"), IndexEntry::default());
    ContactWrite { target, document, keys: vec![key(value)], index_entry, before: None }
}

impl Fixture {
    /// Makes an overlay over contacts with these keys, whose ids are 1, 2 and so on.
    fn over(stored: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(folder.path(), Clock::system(), Opening::Server).unwrap());
        let credential = NewCredential { client_id: String::from("acme"), secret_hash: [1; 32] };
        let tenant = store.add_tenant("acme", &Profile::default(), &credential).unwrap().unwrap();
        let writes: Vec<ContactWrite> = stored.iter().map(|value| write(WriteTarget::New, value)).collect();
        assert!(matches!(store.apply_writes(tenant, &writes).unwrap(), ApplyOutcome::Done(_)));
        let overlay = Overlay::of_call(Arc::clone(&store), tenant);
        Self { _folder: folder, store, tenant, overlay }
    }

    /// Returns the ids and documents of what a look-up finds.
    fn find(&mut self, ids: &[u64], keys: &[&str]) -> Vec<StoredContact> {
        let ids = ids.iter().copied().map(ContactId).collect();
        self.overlay.find(&Planned { ids, keys: keys.iter().copied().map(key).collect() }).unwrap()
    }

    fn documents(&mut self, ids: &[u64], keys: &[&str]) -> Vec<String> {
        self.find(ids, keys).into_iter().map(|contact| contact.document).collect()
    }

    /// Decides a batch of these writes after a look-up. Returns whether it was taken.
    fn batch(&mut self, ids: &[u64], keys: &[&str], writes: Vec<ContactWrite>) -> bool {
        self.find(ids, keys);
        let rows = (0..writes.len())
            .map(|write| DraftRow::new(None, RowBody::Written { write, status: 200 }, ItemRemarks::default()));
        let mut commit = BatchCommit { rows: rows.collect(), writes, ..BatchCommit::default() };
        self.overlay.take(&mut commit).unwrap().is_some()
    }
}

fn existing(id: u64) -> WriteTarget {
    WriteTarget::Existing { id: ContactId(id), version: 1 }
}

#[test]
fn later_batches_see_what_earlier_ones_decided() {
    let mut fixture = Fixture::over(&["a", "b"]);
    assert!(fixture.batch(&[1], &["c"], vec![write(existing(1), "c")]));
    assert_eq!(fixture.documents(&[], &["a"]), [""; 0], "the key was given up");
    assert_eq!(fixture.documents(&[], &["c"]), [r#"{"v":"c"}"#]);
    assert_eq!(fixture.documents(&[1, 2], &[]), [r#"{"v":"c"}"#, r#"{"v":"b"}"#]);
    // A new contact takes the key that is free.
    assert!(fixture.batch(&[], &["a"], vec![write(WriteTarget::New, "a")]));
    let found = fixture.find(&[], &["a", "b", "c"]);
    assert_eq!(found.len(), 3);
    assert!(found[2].id.0 > 1 << 52 && fixture.overlay.is_new(found[2].id) && !fixture.overlay.is_new(found[0].id));
    assert_eq!((fixture.overlay.added().contacts, fixture.store.usage(fixture.tenant).unwrap().contacts), (1, 2));
    // And changes it, which is the last word.
    let target = WriteTarget::from(&found[2]);
    assert!(fixture.batch(&[], &["a", "d"], vec![write(target, "d")]));
    assert_eq!(fixture.documents(&[], &["a"]), [""; 0]);
    assert_eq!(fixture.documents(&[], &["d"]), [r#"{"v":"d"}"#]);
    assert_eq!(fixture.overlay.added().contacts, 1);
    // What is stored has not moved.
    let stored = fixture.store.find_contacts(fixture.tenant, &[], &[key("a"), key("b"), key("c")]).unwrap();
    assert_eq!(stored.iter().map(|contact| contact.id.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_key_of_another_contact_is_a_conflict() {
    for (case, ids, keys, writes, is_taken) in [
        ("a key that was asked for", vec![1], vec!["b"], vec![write(existing(1), "b")], false),
        ("a key that was not asked for", vec![1], vec![], vec![write(existing(1), "b")], false),
        ("its own key", vec![1], vec![], vec![write(existing(1), "a")], true),
        ("a free key that was not asked for", vec![1], vec![], vec![write(existing(1), "x")], true),
        ("a swap", vec![1, 2], vec![], vec![write(existing(1), "b"), write(existing(2), "a")], true),
        ("a key twice", vec![], vec!["x"], vec![write(WriteTarget::New, "x"), write(WriteTarget::New, "x")], false),
        ("a new contact with a stored key", vec![], vec![], vec![write(WriteTarget::New, "a")], false),
    ] {
        let mut fixture = Fixture::over(&["a", "b"]);
        assert_eq!(fixture.batch(&ids, &keys, writes), is_taken, "{case}");
        if !is_taken {
            assert_eq!(fixture.documents(&[1, 2], &[]), [r#"{"v":"a"}"#, r#"{"v":"b"}"#], "{case}");
        }
    }
}

#[test]
fn rows_name_stored_contacts_alone() {
    let mut fixture = Fixture::over(&["a"]);
    fixture.find(&[1], &["n"]);
    let row = |body| DraftRow::new(None, body, ItemRemarks::default());
    let mut commit = BatchCommit {
        writes: vec![write(WriteTarget::New, "n"), write(existing(1), "a2")],
        rows: vec![
            row(RowBody::Written { write: 0, status: 201 }),
            row(RowBody::Written { write: 1, status: 200 }),
            row(RowBody::Unchanged { contact: RowContact::Write(0) }),
            row(RowBody::Unchanged { contact: RowContact::Write(1) }),
            row(RowBody::Unchanged { contact: RowContact::Stored(1) }),
        ],
        ..BatchCommit::default()
    };
    let ids = fixture.overlay.take(&mut commit).unwrap().unwrap();
    assert!(commit.writes.is_empty() && commit.overlays.is_empty(), "a call stores nothing");
    let ids_of_rows: Vec<Option<u64>> = commit
        .rows
        .iter()
        .map(|row| match row.body {
            RowBody::Previewed { id, .. } => id,
            RowBody::Unchanged { contact: RowContact::Stored(id) } => Some(id),
            RowBody::Unchanged { contact: RowContact::Previewed } => None,
            ref other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids_of_rows, [None, Some(1), None, Some(1), Some(1)]);
    // A later refusal that names the new contact.
    fixture.find(&[], &["n"]);
    let error = crate::domain::ItemError::Api { message: String::new(), code: 400, r#type: String::new() };
    let rows = vec![row(RowBody::Failed { id: Some(ids[0].0), status: 400, error })];
    let mut commit = BatchCommit { rows, ..BatchCommit::default() };
    fixture.overlay.take(&mut commit).unwrap().unwrap();
    assert!(matches!(commit.rows[0].body, RowBody::Failed { id: None, .. }));
}
