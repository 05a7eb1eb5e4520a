//! The changes that reserved keys make to a contact.

mod do_not_contact;
mod ip_address;
mod last_active;
mod references;
mod tags;

use crate::contact::Contact;
use crate::field_error::FieldError;
use crate::json::Raw;
use crate::model::Profile;
use crate::reserved_key::ReservedKey;

/// The changes of one item's reserved keys. A key that was not sent changes nothing.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// `Some(None)` clears the owner.
    owner: Option<Option<u64>>,
    /// `Some(None)` clears the stage.
    stage: Option<Option<u64>>,
    companies: Option<Vec<u64>>,
    tags: Vec<tags::Change>,
    do_not_contact: Vec<do_not_contact::Change>,
    ip_address: Option<String>,
    last_active: Option<String>,
}

impl Edits {
    /// Reads the value of one key.
    ///
    /// `id` and `overwriteWithBlank` change nothing by themselves and are ignored here.
    pub(crate) fn read(&mut self, key: ReservedKey, raw: &Raw<'_>, profile: &Profile) -> Result<(), FieldError> {
        match key {
            ReservedKey::Owner => self.owner = Some(references::one(raw, profile.owners.iter().map(|owner| owner.id))?),
            ReservedKey::Stage => self.stage = Some(references::one(raw, profile.stages.iter().map(|stage| stage.id))?),
            ReservedKey::Companies => self.companies = references::many(raw, &profile.companies)?,
            ReservedKey::Tags => self.tags = tags::read(raw)?,
            ReservedKey::DoNotContact => self.do_not_contact = do_not_contact::read(raw)?,
            ReservedKey::IpAddress => self.ip_address = ip_address::read(raw)?,
            ReservedKey::LastActive => self.last_active = last_active::read(raw)?,
            ReservedKey::Id | ReservedKey::OverwriteWithBlank => {}
        }
        Ok(())
    }

    /// Returns whether the item has a `lastActive` that is not blank.
    pub(crate) fn has_last_active(&self) -> bool {
        self.last_active.is_some()
    }

    /// Applies the changes to `contact`. New `doNotContact` entries are dated `now`.
    pub(crate) fn apply(self, contact: &mut Contact, now: &str) {
        contact.owner = self.owner.unwrap_or(contact.owner);
        contact.stage = self.stage.unwrap_or(contact.stage);
        if let Some(companies) = self.companies {
            contact.companies = companies;
        }
        tags::apply(self.tags, &mut contact.tags);
        do_not_contact::apply(self.do_not_contact, &mut contact.do_not_contact, now);
        if let Some(address) = self.ip_address.filter(|address| !contact.ip_addresses.contains(address)) {
            contact.ip_addresses.push(address);
        }
        if let Some(datetime) = self.last_active {
            contact.last_active = Some(datetime.into());
        }
    }
}
