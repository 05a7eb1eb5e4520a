//! Keys of an item that are no fields: what they mean and how they change a contact.

mod do_not_contact;
mod ip_address;
mod last_active;
mod references;
mod tags;

use crate::contact::Contact;
use crate::json::Raw;
use crate::kinds::Fault;
use crate::model::Profile;

/// A key with a meaning of its own, in the order in which faults are reported: that of Mautic's form, then the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Special {
    Id,
    Tags,
    Companies,
    Owner,
    Stage,
    DoNotContact,
    IpAddress,
    LastActive,
    OverwriteWithBlank,
}

impl Special {
    pub(crate) const ALL: [Self; 9] = [
        Self::Id,
        Self::Tags,
        Self::Companies,
        Self::Owner,
        Self::Stage,
        Self::DoNotContact,
        Self::IpAddress,
        Self::LastActive,
        Self::OverwriteWithBlank,
    ];

    /// As it is spelled in an item.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Owner => "owner",
            Self::Stage => "stage",
            Self::Companies => "companies",
            Self::Tags => "tags",
            Self::DoNotContact => "doNotContact",
            Self::IpAddress => "ipAddress",
            Self::LastActive => "lastActive",
            Self::OverwriteWithBlank => "overwriteWithBlank",
        }
    }

    /// The key spelled `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|special| special.name() == name)
    }
}

/// What an item's special keys change. Nothing of a contact changes unless its key was sent.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    /// `Some(None)` clears it; likewise the stage.
    owner: Option<Option<u64>>,
    stage: Option<Option<u64>>,
    companies: Option<Vec<u64>>,
    tags: Vec<tags::Change>,
    do_not_contact: Vec<do_not_contact::Change>,
    ip_address: Option<String>,
    last_active: Option<String>,
}

impl Edits {
    /// Takes in one key's value.
    pub(crate) fn read(&mut self, special: Special, raw: &Raw<'_>, profile: &Profile) -> Result<(), Fault> {
        match special {
            Special::Owner => self.owner = Some(references::one(raw, profile.owners.iter().map(|owner| owner.id))?),
            Special::Stage => self.stage = Some(references::one(raw, profile.stages.iter().map(|stage| stage.id))?),
            Special::Companies => self.companies = references::many(raw, &profile.companies)?,
            Special::Tags => self.tags = tags::read(raw)?,
            Special::DoNotContact => self.do_not_contact = do_not_contact::read(raw)?,
            Special::IpAddress => self.ip_address = ip_address::read(raw)?,
            Special::LastActive => self.last_active = last_active::read(raw)?,
            Special::Id | Special::OverwriteWithBlank => {}
        }
        Ok(())
    }

    /// Whether a moment was sent as `lastActive`.
    pub(crate) fn has_last_active(&self) -> bool {
        self.last_active.is_some()
    }

    /// Makes the changes.
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
        contact.last_active = self.last_active.or_else(|| contact.last_active.take());
    }
}
