//! Reads a segment word by word.

use rusqlite::Connection;

use super::block::BlockReader;
use super::segments::{self, BlockKey, Place};
use crate::domain::TenantId;
use crate::store::StoreError;

/// A place in a segment.
pub(super) struct Cursor<'a> {
    connection: &'a Connection,
    tenant: TenantId,
    place: Place,
    /// The next block, if there may be one.
    next: Option<BlockKey>,
    /// The groups of the block that is being read, the next one last.
    groups: Vec<Group>,
}

struct Group {
    word: Vec<u8>,
    /// The contacts that have it: the first and the last of some without a gap.
    contacts: Vec<(u64, u64)>,
}

impl<'a> Cursor<'a> {
    /// Opens a segment at the first word behind one.
    pub(super) fn open(
        connection: &'a Connection,
        tenant: TenantId,
        place: Place,
        behind: &[u8],
    ) -> Result<Self, StoreError> {
        // No text is between a word and the same word with this byte.
        let above = [behind, b"\0"].concat();
        let from = segments::block_before(connection, tenant, place, &above)?;
        let next = from.unwrap_or(BlockKey { first_word: Vec::new(), number: 0 });
        let mut cursor = Self { connection, tenant, place, next: Some(next), groups: Vec::new() };
        cursor.fill()?;
        while cursor.word().is_some_and(|word| word <= behind) {
            cursor.advance()?;
        }
        Ok(cursor)
    }

    /// Returns the word at this place, or nothing behind the last one.
    pub(super) fn word(&self) -> Option<&[u8]> {
        self.groups.last().map(|group| group.word.as_slice())
    }

    /// Calls `each` with the contacts of a word, the first and the last of some without a gap, and goes on behind the word. Does nothing
    /// if the segment does not have the word here.
    pub(super) fn take(&mut self, word: &[u8], mut each: impl FnMut(u64, u64)) -> Result<(), StoreError> {
        while self.word() == Some(word) {
            if let Some(group) = self.groups.last() {
                group.contacts.iter().for_each(|&(first, last)| each(first, last));
            }
            self.advance()?;
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(), StoreError> {
        self.groups.pop();
        self.fill()
    }

    /// Reads the next block, if the last one is read.
    fn fill(&mut self) -> Result<(), StoreError> {
        if !self.groups.is_empty() {
            return Ok(());
        }
        let Some(from) = self.next.take() else { return Ok(()) };
        let Some((key, postings)) = segments::block_from(self.connection, self.tenant, self.place, &from)? else {
            return Ok(());
        };
        self.next = Some(BlockKey { number: key.number + 1, ..key });
        let mut reader = BlockReader::new(&postings);
        while let Some((word, mut steps)) = reader.next()? {
            let mut contacts = Vec::new();
            while let Some(some) = steps.next()? {
                contacts.push(some);
            }
            self.groups.push(Group { word: word.to_vec(), contacts });
        }
        self.groups.reverse();
        Ok(())
    }
}
