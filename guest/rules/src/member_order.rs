//! The order of the members of items.
//!
//! Programs write the members of all items in the same order, or leave some of them out. So the name that followed the last one in
//! an earlier item is compared with the text first, which takes fewer steps than to find the end of a name and to look it up.

use crate::reserved_key::ReservedKey;
use crate::schema::ItemKey;

/// What followed each member in the last item that had it.
#[derive(Debug)]
pub(crate) struct MemberOrder {
    /// The first entry is for the start of an item. The others are for reserved keys, then for fields.
    followers: Vec<Option<ItemKey>>,
}

impl MemberOrder {
    /// Returns the order of no items. `fields` is the number of fields in the catalogue.
    pub(crate) fn new(fields: usize) -> Self {
        Self { followers: vec![None; 1 + ReservedKey::ALL.len() + fields] }
    }

    /// Returns what probably follows a member, or is the first member after `None`.
    pub(crate) fn after(&self, member: Option<ItemKey>) -> Option<ItemKey> {
        *self.followers.get(place(member))?
    }

    /// Learns that `follower` came after a member, or as the first member after `None`.
    pub(crate) fn learn(&mut self, member: Option<ItemKey>, follower: ItemKey) {
        if let Some(known) = self.followers.get_mut(place(member)) {
            *known = Some(follower);
        }
    }
}

fn place(member: Option<ItemKey>) -> usize {
    match member {
        None => 0,
        Some(ItemKey::Reserved(key)) => 1 + key as usize,
        Some(ItemKey::Field(position)) => 1 + ReservedKey::ALL.len() + position,
    }
}
