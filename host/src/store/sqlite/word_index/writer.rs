//! Adds the words of contacts to the index, and takes them out.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::block::{Block, BlockWriter};
use super::segments::{self, Merge, Place, Segment};
use super::{ANONYMOUS_WORD, merge};
use crate::domain::{IndexEntry, TenantId};
use crate::store::StoreError;
use crate::store::error::Context;
use crate::store::folding;
use crate::store::index_queue::INDEXING;

/// What one transaction changes in a tenant's word index.
pub(in crate::store::sqlite) struct WordWriter<'a> {
    connection: &'a Connection,
    tenant: TenantId,
    segments: Vec<Segment>,
    merges: Vec<Merge>,
    origin: i64,
    /// The texts of the contacts that this transaction indexes.
    texts: BTreeMap<i64, String>,
    /// How many contacts died in the segments, by their last origin.
    died: BTreeMap<i64, i64>,
}

impl<'a> WordWriter<'a> {
    pub(in crate::store::sqlite) fn new(connection: &'a Connection, tenant: TenantId) -> Result<Self, StoreError> {
        let segments = segments::all(connection, tenant)?;
        let origin = segments.last().map_or(0, |segment| segment.last_origin) + 1;
        let merges = segments::merges(connection, tenant)?;
        Ok(Self { connection, tenant, segments, merges, origin, texts: BTreeMap::new(), died: BTreeMap::new() })
    }

    /// Returns what the table `listed` is to have as the origin of contacts that are indexed by this.
    pub(in crate::store::sqlite) fn origin(&self) -> i64 {
        self.origin
    }

    /// Indexes a contact, whose words were indexed before in the transaction `before`, if at all.
    pub(in crate::store::sqlite) fn index(
        &mut self,
        contact: i64,
        text: String,
        before: Option<i64>,
    ) -> Result<(), StoreError> {
        if let Some(before) = before {
            self.remove(contact, before)?;
        }
        self.texts.insert(contact, text);
        Ok(())
    }

    /// Takes out the words of a contact that were indexed in the transaction `origin`.
    pub(in crate::store::sqlite) fn remove(&mut self, contact: i64, origin: i64) -> Result<(), StoreError> {
        if origin == self.origin {
            self.texts.remove(&contact);
            return Ok(());
        }
        let place = self.segments.partition_point(|segment| segment.last_origin < origin);
        let Some(segment) = self.segments.get(place) else { return Ok(()) };
        let add = |place| segments::add_dead(self.connection, self.tenant, place, contact).context(INDEXING);
        if add(segment.place())? > 0 {
            *self.died.entry(segment.last_origin).or_default() += 1;
        }
        for merge in self.merges.iter().filter(|merge| merge.takes(segment)) {
            add(merge.into)?;
        }
        Ok(())
    }

    /// Writes what was indexed and taken out, and merges small segments or begins to merge large ones.
    pub(in crate::store::sqlite) fn finish(self) -> Result<(), StoreError> {
        let Self { connection, tenant, origin, texts, died, .. } = self;
        for (last_origin, count) in died {
            segments::count_dead(connection, tenant, last_origin, count).context(INDEXING)?;
        }
        if !texts.is_empty() {
            let place = Place { last_origin: origin, generation: 0 };
            segments::write_blocks(connection, tenant, place, 0, &blocks(&texts))?;
            let contacts = i64::try_from(texts.len()).unwrap_or(i64::MAX);
            let segment = Segment { last_origin: origin, generation: 0, level: 0, contacts, dead: 0 };
            segments::add(connection, tenant, &segment)?;
        }
        merge::begin(connection, tenant)
    }
}

/// A posting of a text. The beginning of its word stands beside it, so that few comparisons read the word.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Posting<'t> {
    beginning: u64,
    word: &'t [u8],
    contact: u64,
}

/// Returns the blocks of a segment with the words of these texts.
fn blocks(texts: &BTreeMap<i64, String>) -> Vec<Block> {
    let mut words = String::new();
    let mut ends = Vec::new();
    for (contact, text) in texts {
        let mut add = |word: &str| {
            words.push_str(word);
            ends.push((words.len(), contact.unsigned_abs()));
        };
        folding::each_word(text, &mut add);
        if text.contains(IndexEntry::ANONYMOUS_MARK) {
            add(ANONYMOUS_WORD);
        }
    }
    let mut rest = words.as_bytes();
    let mut begin = 0;
    let mut postings: Vec<Posting<'_>> = Vec::with_capacity(ends.len());
    for (end, contact) in ends {
        let (word, behind) = rest.split_at_checked(end - begin).unwrap_or((rest, &[]));
        (rest, begin) = (behind, end);
        postings.push(Posting { beginning: beginning(word), word, contact });
    }
    postings.sort_unstable();
    postings.dedup();
    let mut writer = BlockWriter::default();
    let mut blocks: Vec<Block> =
        postings.iter().filter_map(|posting| writer.push(posting.word, posting.contact)).collect();
    blocks.extend(writer.finish());
    blocks
}

/// Returns the first eight bytes of a word as a number that is ordered as the words are.
fn beginning(word: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(word).for_each(|(byte, of_word)| *byte = *of_word);
    u64::from_be_bytes(bytes)
}
