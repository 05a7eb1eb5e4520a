//! The before-images that an undo reads, row by row.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::undo_item::ImagePlace;
use super::undo_step::UndoStep;
use crate::domain::{ContactId, TenantId, Undo};
use crate::store::{BeforeImage, BeforeImages, Store, StoreError};

/// Bytes of documents of rows that are kept unpacked. A single row may have more.
const MAX_KEPT_BYTES: usize = 8 << 20;

/// The before-images of a job that is undone.
pub(in crate::jobs) struct UndoImages {
    store: Arc<dyn Store>,
    tenant: TenantId,
    undo: Undo,
    /// The rows that were read lately, the latest last.
    kept: VecDeque<(u32, Arc<BeforeImages>)>,
    /// The first item of the last batch.
    last: Option<u32>,
    /// The contacts that the job changed, once somebody asked.
    contacts: Option<Arc<HashSet<ContactId>>>,
}

impl UndoImages {
    pub(in crate::jobs) fn new(store: Arc<dyn Store>, tenant: TenantId, undo: Undo) -> Self {
        Self { store, tenant, undo, kept: VecDeque::new(), last: None, contacts: None }
    }

    /// Returns what is undone.
    pub(in crate::jobs) fn undo(&self) -> Undo {
        self.undo
    }

    /// Says that the batch that begins with the item `first` is decided next. If it was decided before, a contact of it may have been
    /// deleted meanwhile, so images are read again.
    pub(in crate::jobs) fn begin(&mut self, first: u32) {
        if self.last.is_some_and(|last| first <= last) {
            self.kept.clear();
        }
        self.last = Some(first);
    }

    /// Returns the contacts that the job changed if one of these is taken back step by step. Eight bytes for each.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::jobs) fn contacts_of(
        &mut self,
        steps: &[UndoStep],
    ) -> Result<Option<Arc<HashSet<ContactId>>>, StoreError> {
        if steps.iter().all(|step| step.item.whole().is_none()) {
            return Ok(None);
        }
        if self.contacts.is_none() {
            let rows = self.store.change_marks(self.tenant, self.undo.job)?;
            let contacts = rows.iter().flat_map(|row| &row.marks).map(|mark| mark.contact);
            self.contacts = Some(Arc::new(contacts.collect()));
        }
        Ok(self.contacts.clone())
    }

    /// Returns an image; `None` if it is not kept any more.
    ///
    /// # Errors
    /// If the store fails.
    pub(in crate::jobs) fn read(&mut self, place: ImagePlace) -> Result<Option<BeforeImage>, StoreError> {
        let ImagePlace(first, index) = place;
        let row = self.row(first)?;
        Ok(usize::try_from(index).ok().and_then(|index| row.get(index)).cloned().flatten())
    }

    fn row(&mut self, first: u32) -> Result<Arc<BeforeImages>, StoreError> {
        if let Some((_, row)) = self.kept.iter().find(|(other, _)| *other == first) {
            return Ok(Arc::clone(row));
        }
        let row = Arc::new(self.store.before_images(self.tenant, self.undo.job, first)?);
        self.kept.push_back((first, Arc::clone(&row)));
        let mut bytes: usize = self.kept.iter().map(|(_, row)| document_bytes(row)).sum();
        while bytes > MAX_KEPT_BYTES
            && self.kept.len() > 1
            && let Some((_, row)) = self.kept.pop_front()
        {
            bytes -= document_bytes(&row);
        }
        Ok(row)
    }
}

fn document_bytes(row: &BeforeImages) -> usize {
    row.iter().flatten().map(|image| image.document.len()).sum()
}
