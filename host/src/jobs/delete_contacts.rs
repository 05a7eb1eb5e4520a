//! Deleting several contacts at once.

use std::collections::HashMap;

use super::{Call, ServiceError};
use crate::domain::ContactId;
use crate::jobs::host_watch::Phase;

/// Contacts that are presented together, which bounds how much of them is in memory.
const PRESENTED_AT_ONCE: usize = 50;

impl Call<'_> {
    /// Deletes contacts one after the other. Returns, for each id in order, the contact as clients saw it; `None` if the tenant has
    /// no such contact, also where an id occurs again; what undos keep of it is deleted all the same. A contact that the processor cannot present is deleted, and shown by its id
    /// alone.
    ///
    /// # Errors
    /// If the store cannot answer, or the sandbox has no room. [`ServiceError::PartlyApplied`] if some contacts were deleted
    /// before that; otherwise none was.
    pub fn delete_contacts(&self, ids: &[ContactId]) -> Result<Vec<Option<String>>, ServiceError> {
        self.yield_to_others();
        let mut deleted = Vec::with_capacity(ids.len());
        for part in ids.chunks(PRESENTED_AT_ONCE) {
            if let Err(error) = self.delete_part(part, &mut deleted) {
                let is_untouched = deleted.iter().all(Option::is_none);
                return Err(if is_untouched { error } else { ServiceError::PartlyApplied(Box::new(error)) });
            }
        }
        Ok(deleted)
    }

    fn delete_part(&self, ids: &[ContactId], deleted: &mut Vec<Option<String>>) -> Result<(), ServiceError> {
        let found = {
            let _reading = self.watch.enter(Phase::Read);
            self.service.store().find_contacts(self.tenant.id, ids, &[])?
        };
        let mut shown: HashMap<ContactId, String> = self.present_list(&found)?.into_iter().collect();
        for id in ids {
            let object = match shown.remove(id) {
                None => {
                    self.purge_unknown(*id)?;
                    None
                }
                Some(object) => self.delete_shown(*id)?.then_some(object),
            };
            deleted.push(object);
        }
        Ok(())
    }
}
