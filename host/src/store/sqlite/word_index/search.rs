//! Finds contacts by their words.

use std::cell::OnceCell;

use roaring::RoaringTreemap;
use rusqlite::Connection;

use super::ANONYMOUS_WORD;
use super::block::BlockReader;
use super::segments::{self, BlockKey, Segment};
use crate::domain::TenantId;
use crate::store::StoreError;
use crate::store::folding;

/// How many contacts of an ordered list are read in the time of looking up one.
const LOOK_UP_COST: u64 = 6;

/// The word index of a tenant, for one search. Its sets take some bits for each contact.
pub(in crate::store::sqlite) struct WordSearch<'a> {
    connection: &'a Connection,
    tenant: TenantId,
    segments: Vec<SearchedSegment>,
}

struct SearchedSegment {
    segment: Segment,
    /// The contacts that are dead in it, once a search needed all of them.
    dead: OnceCell<RoaringTreemap>,
}

impl<'a> WordSearch<'a> {
    pub(in crate::store::sqlite) fn new(connection: &'a Connection, tenant: TenantId) -> Result<Self, StoreError> {
        let segments = segments::all(connection, tenant)?.into_iter();
        let segments = segments.map(|segment| SearchedSegment { segment, dead: OnceCell::new() }).collect();
        Ok(Self { connection, tenant, segments })
    }

    /// Returns the contacts that have, for each word of these, a word that begins with it: nobody if these have no letter or
    /// digit.
    pub(in crate::store::sqlite) fn with_words(&self, beginnings: &[String]) -> Result<RoaringTreemap, StoreError> {
        let mut found: Option<RoaringTreemap> = None;
        for beginning in beginnings.iter().flat_map(|text| folding::words(text)) {
            // UTF-8 has no such byte, so this is behind all words that begin so.
            let below = [beginning.as_bytes(), &[0xff]].concat();
            let with_word = self.between(beginning.as_bytes(), &below)?;
            found = Some(match found {
                Some(found) => found & with_word,
                None => with_word,
            });
        }
        Ok(found.unwrap_or_default())
    }

    /// Returns the contacts that their component marked as anonymous.
    pub(in crate::store::sqlite) fn anonymous(&self) -> Result<RoaringTreemap, StoreError> {
        let word = ANONYMOUS_WORD.as_bytes();
        self.between(word, &[word, b"\0"].concat())
    }

    /// Returns the contacts that have a word from `from` on and before `below`.
    fn between(&self, from: &[u8], below: &[u8]) -> Result<RoaringTreemap, StoreError> {
        let mut found = RoaringTreemap::new();
        for searched in &self.segments {
            let mut of_segment = RoaringTreemap::new();
            let place = searched.segment.place();
            let before = segments::block_before(self.connection, self.tenant, place, from)?;
            let first = before.unwrap_or(BlockKey { first_word: Vec::new(), number: 0 });
            segments::each_block(self.connection, self.tenant, place, &first, below, |postings| {
                let mut reader = BlockReader::new(postings);
                while let Some((word, mut steps)) = reader.next()? {
                    if word >= below {
                        break;
                    }
                    if word < from {
                        continue;
                    }
                    while let Some((first, last)) = steps.next()? {
                        of_segment.insert_range(first..=last);
                    }
                }
                Ok(())
            })?;
            found |= self.alive(searched, of_segment)?;
        }
        Ok(found)
    }

    /// Leaves out the contacts that are dead in their segment.
    fn alive(&self, searched: &SearchedSegment, found: RoaringTreemap) -> Result<RoaringTreemap, StoreError> {
        let SearchedSegment { segment, dead } = searched;
        if segment.dead == 0 || found.is_empty() {
            return Ok(found);
        }
        if let Some(dead) = dead.get() {
            return Ok(found - dead);
        }
        // Reading the dead ones in their order costs less for each than looking one up.
        if found.len() * LOOK_UP_COST < segment.dead.unsigned_abs() {
            let mut alive = RoaringTreemap::new();
            for contact in found {
                if !segments::is_dead(self.connection, self.tenant, segment.place(), contact)? {
                    alive.insert(contact);
                }
            }
            return Ok(alive);
        }
        let all = segments::dead(self.connection, self.tenant, segment.place())?;
        Ok(found - dead.get_or_init(|| all))
    }
}
