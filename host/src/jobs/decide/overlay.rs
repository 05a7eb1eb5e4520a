//! What a dry run has decided so far, laid over the stored contacts: the batches of a dry run write nothing, and the next ones look
//! contacts up as if they had.
//!
//! In memory are the marks of all contacts that were decided about, and the blobs of the last few batches. All else is in the store,
//! so that a job which goes back to the queue, or to another server, goes on with what was committed.

mod mark_index;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use mark_index::MarkIndex;
use sha2::{Digest as _, Sha256};

use crate::domain::{ContactId, GroupId, Indexed, JobId, StoredContact, TenantId, UniqueKey};
use crate::sandbox::Planned;
use crate::store::{
    BatchCommit, Claim, ContactWrite, Mark, OverlayBatch, OverlayContact, OverlayContacts, RowBody, RowContact, Store,
    StoreError, WriteTarget, read_overlay_contacts,
};

/// The least id that stands for a contact that a dry run would create. No stored contact has such an id, and JavaScript reads it
/// exactly.
const FIRST_NEW_ID: u64 = 1 << 52;
/// The number of ids out of which a dry run's first one is chosen, so that no item can name one of them.
const NEW_IDS: u64 = 1 << 51;
/// Batches whose blobs are kept in memory: more than can be decided and not yet committed.
const KEPT_BATCHES: usize = 12;
/// Bytes of documents of batches that are kept unpacked.
const MAX_UNPACKED_BYTES: usize = 8 << 20;
/// Bytes of documents that one look-up finds, as in the store.
const MAX_FOUND_BYTES: usize = 64 << 20;

/// The contacts as a dry run has left them so far.
pub(in crate::jobs) struct Overlay {
    store: Arc<dyn Store>,
    tenant: TenantId,
    /// The claim whose batches before its cursor are read from the store, until they were read.
    unread: Option<Arc<Claim>>,
    /// Where the batches are stored, by number: those of a call are nowhere.
    places: Vec<(Option<JobId>, u32)>,
    marks: MarkIndex,
    /// The contacts of the last batches that were decided here, by number. They are packed once they are stored.
    kept: VecDeque<(u32, Arc<OverlayContacts>)>,
    /// Batches that were read lately, by number.
    unpacked: VecDeque<(u32, Arc<Vec<OverlayContact>>)>,
    job: Option<JobId>,
    first_new: u64,
    /// Contacts that the dry run would have created.
    created: u64,
    /// Bytes that it would have added to what the tenant has stored.
    bytes: i64,
    last: LastLookUp,
}

/// What the last look-up was for, and what it found.
#[derive(Debug, Default)]
struct LastLookUp {
    keys: HashSet<UniqueKey>,
    /// The contacts that have one of these keys.
    owners: HashMap<UniqueKey, ContactId>,
    /// The version and the bytes of each contact.
    found: HashMap<ContactId, (i64, i64)>,
}

/// What a dry run would have added to what its tenant has stored.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::jobs) struct Added {
    pub(in crate::jobs) contacts: u64,
    pub(in crate::jobs) bytes: i64,
}

impl Overlay {
    /// Returns the overlay of a claimed dry run.
    pub(in crate::jobs) fn of_job(store: Arc<dyn Store>, claim: &Arc<Claim>) -> Self {
        let seed = claim.group.map_or(claim.job.0, |GroupId(id)| id);
        let is_first = claim.cursor == 0 && claim.group.is_none();
        let unread = (!is_first).then(|| Arc::clone(claim));
        Self { unread, job: Some(claim.job), ..Self::new(store, claim.tenant, seed.as_bytes()) }
    }

    /// Returns the overlay of a call.
    pub(in crate::jobs) fn of_call(store: Arc<dyn Store>, tenant: TenantId) -> Self {
        Self::new(store, tenant, JobId::random().0.as_bytes())
    }

    fn new(store: Arc<dyn Store>, tenant: TenantId, seed: &[u8]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(seed));
        let chosen = u64::from_le_bytes([a, b, c, d, e, f, g, h]) % NEW_IDS;
        Self {
            store,
            tenant,
            unread: None,
            places: Vec::new(),
            marks: MarkIndex::default(),
            kept: VecDeque::new(),
            unpacked: VecDeque::new(),
            job: None,
            first_new: FIRST_NEW_ID + chosen,
            created: 0,
            bytes: 0,
            last: LastLookUp::default(),
        }
    }

    /// Returns what the dry run would have added so far.
    pub(in crate::jobs) fn added(&self) -> Added {
        Added { contacts: self.created, bytes: self.bytes }
    }

    /// Returns whether an id stands for a contact that the dry run would have created.
    pub(in crate::jobs) fn is_new(&self, id: ContactId) -> bool {
        (self.first_new..self.first_new.saturating_add(self.created)).contains(&id.0)
    }

    /// Looks contacts up, in the store and in the overlay.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::jobs) fn find(&mut self, planned: &Planned) -> Result<Vec<StoredContact>, StoreError> {
        let found = self.look_up(&planned.ids, &planned.keys)?;
        let mut last = LastLookUp { keys: planned.keys.iter().cloned().collect(), ..LastLookUp::default() };
        for contact in &found {
            let keys = contact.indexed.as_ref().map(Indexed::keys).unwrap_or_default();
            last.owners.extend(keys.iter().map(|key| (key.clone(), contact.id)));
            last.found.insert(contact.id, (contact.version, contact.stored_bytes()));
        }
        self.last = last;
        Ok(found)
    }

    /// Returns the contacts that have one of these ids or keys, in the order of their ids.
    fn look_up(&mut self, ids: &[ContactId], keys: &[UniqueKey]) -> Result<Vec<StoredContact>, StoreError> {
        self.read_marks()?;
        let stored = self.store.find_contacts(self.tenant, ids, keys)?;
        let wanted_ids: HashSet<ContactId> = ids.iter().copied().collect();
        let wanted_keys: HashSet<(&str, &str)> =
            keys.iter().map(|key| (key.field.as_str(), key.value.as_str())).collect();
        let marks = ids.iter().copied().chain(stored.iter().map(|contact| contact.id)).map(Mark::of_id);
        let numbers: Vec<u32> = marks
            .chain(keys.iter().map(Mark::of_unique_key))
            .filter_map(|mark| self.marks.get(mark))
            .collect::<std::collections::BTreeSet<u32>>()
            .into_iter()
            .collect();
        let (mut found, mut overlaid, mut taken) = (BTreeMap::new(), HashSet::new(), HashSet::new());
        for number in numbers {
            for contact in self.batch(number)?.iter() {
                let id = ContactId(contact.id);
                // A later batch may have changed the contact again.
                if self.marks.get(Mark::of_id(id)) != Some(number) {
                    continue;
                }
                overlaid.insert(id);
                let owned = contact.keys.iter().filter(|(field, value)| wanted_keys.contains(&(field, value)));
                let before = taken.len();
                taken.extend(owned.cloned());
                if taken.len() > before || wanted_ids.contains(&id) {
                    found.insert(id, stored_contact(contact));
                }
            }
        }
        for contact in stored {
            let keys = contact.indexed.as_ref().map(Indexed::keys).unwrap_or_default();
            // Another request may have given a key to this contact after the dry run had given it to another one.
            let has_free_key = keys.iter().any(|UniqueKey { field, value }| {
                wanted_keys.contains(&(field.as_str(), value.as_str()))
                    && (taken.is_empty() || !taken.contains(&(field.clone(), value.clone())))
            });
            if !overlaid.contains(&contact.id) && (has_free_key || wanted_ids.contains(&contact.id)) {
                found.insert(contact.id, contact);
            }
        }
        let bytes: usize = found.values().map(|contact| contact.document.len()).sum();
        if bytes > MAX_FOUND_BYTES {
            return Err(StoreError::ResultTooLarge(MAX_FOUND_BYTES));
        }
        Ok(found.into_values().collect())
    }

    /// Takes the writes out of a batch that was decided after the last [`Self::find`], and resolves its rows: a contact that would
    /// be created has no id. Returns the contacts of the writes, or `None` if another contact has a key that the batch takes; then
    /// nothing was taken.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::jobs) fn take(&mut self, commit: &mut BatchCommit) -> Result<Option<Vec<ContactId>>, StoreError> {
        let mut next = self.first_new.saturating_add(self.created);
        let mut id_of = |write: &ContactWrite| match write.target {
            WriteTarget::Existing { id, .. } | WriteTarget::Deleted { id, .. } => id,
            WriteTarget::New => {
                next += 1;
                ContactId(next - 1)
            }
        };
        let ids: Vec<ContactId> = commit.writes.iter().map(&mut id_of).collect();
        if !self.are_keys_free(&commit.writes, &ids)? {
            return Ok(None);
        }
        if !commit.writes.is_empty() {
            self.add_batch(commit, &ids)?;
        }
        let resolved = |id: ContactId| (!self.is_new(id)).then_some(id.0);
        for row in &mut commit.rows {
            match &mut row.body {
                RowBody::Written { write, status } => {
                    let id = ids.get(*write).copied().and_then(resolved);
                    row.body = RowBody::Previewed { id, status: *status };
                }
                RowBody::Unchanged { contact } => {
                    let id = match *contact {
                        RowContact::Stored(id) => Some(ContactId(id)),
                        RowContact::Write(write) => ids.get(write).copied(),
                        RowContact::Previewed => None,
                    };
                    *contact = id.and_then(resolved).map_or(RowContact::Previewed, RowContact::Stored);
                }
                RowBody::Failed { id, .. } => *id = id.map(ContactId).and_then(resolved),
                RowBody::Previewed { .. } | RowBody::Deleted { .. } => {}
            }
        }
        Ok(Some(ids))
    }

    /// Adds what a batch would have written, under these ids.
    fn add_batch(&mut self, commit: &mut BatchCommit, ids: &[ContactId]) -> Result<(), StoreError> {
        let (mut created, mut bytes) = (0, 0);
        let mut contacts = Vec::with_capacity(ids.len());
        for (write, id) in commit.writes.drain(..).zip(ids) {
            let (version, replaced) = self.last.found.get(id).copied().unwrap_or_default();
            created += u64::from(write.target == WriteTarget::New);
            bytes += write.stored_bytes() - replaced;
            let keys = Indexed::new(write.keys, write.index_entry.bytes());
            contacts.push(OverlayContact {
                id: id.0,
                version: version + 1,
                keys: keys.keys().iter().map(|key| (key.field.clone(), key.value.clone())).collect(),
                entry_bytes: keys.entry_bytes(),
                document: write.document,
            });
        }
        let batch = OverlayBatch::new(commit.first, contacts, created, bytes);
        let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        self.places.push((self.job, commit.first));
        batch.marks.iter().for_each(|mark| self.marks.insert(*mark, number));
        self.created += created;
        self.bytes += bytes;
        self.keep_unpacked(number, batch.contacts.read()?);
        self.kept.push_back((number, Arc::clone(&batch.contacts)));
        // The batches of a call are stored nowhere else, and are few.
        while self.job.is_some() && self.kept.len() > KEPT_BATCHES {
            self.kept.pop_front();
        }
        if self.job.is_some() {
            commit.overlays.push(batch);
        } else {
            batch.contacts.pack()?;
        }
        Ok(())
    }

    /// Returns whether no other contact has a key that the writes, which go to these contacts, take.
    fn are_keys_free(&mut self, writes: &[ContactWrite], ids: &[ContactId]) -> Result<bool, StoreError> {
        let taken = || writes.iter().zip(ids).flat_map(|(write, id)| write.keys.iter().map(move |key| (key, *id)));
        let mut owners: HashMap<&UniqueKey, ContactId> = HashMap::new();
        for (key, id) in taken() {
            if owners.insert(key, id).is_some_and(|other| other != id) {
                return Ok(false);
            }
        }
        // Keys that the component did not ask for.
        let unknown: Vec<UniqueKey> = owners
            .iter()
            .filter(|(key, id)| !self.last.keys.contains(**key) && self.last.owners.get(**key) != Some(*id))
            .map(|(key, _)| (*key).clone())
            .collect();
        let mut others: HashMap<UniqueKey, ContactId> = HashMap::new();
        if !unknown.is_empty() {
            for contact in self.look_up(&[], &unknown)? {
                let keys = contact.indexed.as_ref().map(Indexed::keys).unwrap_or_default();
                others.extend(keys.iter().map(|key| (key.clone(), contact.id)));
            }
        }
        let written: HashSet<ContactId> = ids.iter().copied().collect();
        // A contact that the batch writes keeps only the keys that it is written with, which were looked at above.
        let is_free = |(key, id): (&UniqueKey, ContactId)| {
            let before = others.get(key).or_else(|| self.last.owners.get(key));
            before.is_none_or(|owner| *owner == id || written.contains(owner))
        };
        Ok(taken().all(is_free))
    }

    /// Reads the marks of the batches before the claim's cursor, once.
    fn read_marks(&mut self) -> Result<(), StoreError> {
        let Some(claim) = self.unread.clone() else { return Ok(()) };
        for batch in self.store.overlay_marks(&claim)? {
            let number = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
            self.places.push((Some(batch.job), batch.first));
            self.marks.extend(batch.marks.into_iter().map(|mark| (mark, number)));
            self.created = self.created.saturating_add(batch.created);
            self.bytes = self.bytes.saturating_add(batch.bytes);
        }
        self.marks.sort();
        self.unread = None;
        Ok(())
    }

    /// Returns the contacts of a batch; none if its job is gone.
    fn batch(&mut self, number: u32) -> Result<Arc<Vec<OverlayContact>>, StoreError> {
        if let Some((_, contacts)) = self.unpacked.iter().find(|(other, _)| *other == number) {
            return Ok(Arc::clone(contacts));
        }
        let contacts = if let Some((_, kept)) = self.kept.iter().find(|(other, _)| *other == number) {
            kept.read()?
        } else {
            let stored = match self.places.get(number as usize) {
                Some((Some(job), first)) => self.store.overlay_contacts(self.tenant, *job, *first)?,
                Some((None, _)) | None => None,
            };
            Arc::new(stored.map_or(Ok(Vec::new()), |blob| read_overlay_contacts(&blob))?)
        };
        self.keep_unpacked(number, Arc::clone(&contacts));
        Ok(contacts)
    }

    fn keep_unpacked(&mut self, number: u32, contacts: Arc<Vec<OverlayContact>>) {
        let bytes = |contacts: &Vec<OverlayContact>| contacts.iter().map(|one| one.document.len()).sum::<usize>();
        self.unpacked.push_back((number, contacts));
        let mut sum: usize = self.unpacked.iter().map(|(_, contacts)| bytes(contacts)).sum();
        while sum > MAX_UNPACKED_BYTES
            && let Some((_, contacts)) = self.unpacked.pop_front()
        {
            sum -= bytes(&contacts);
        }
    }
}

fn stored_contact(contact: &OverlayContact) -> StoredContact {
    let key = |(field, value): &(String, String)| UniqueKey { field: field.clone(), value: value.clone() };
    StoredContact {
        id: ContactId(contact.id),
        version: contact.version,
        document: contact.document.clone(),
        indexed: Some(Indexed::new(contact.keys.iter().map(key).collect(), contact.entry_bytes)),
    }
}
