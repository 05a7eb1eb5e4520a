//! A block of the word index: some postings of one segment, in their order, packed.
//!
//! A block is a sequence of groups. A group is a word and contacts that have it: the bytes that the word shares with the word of
//! the group before it, the rest of the word, the length of the steps, and the steps. A step leads from one contact to the next, which
//! has a larger id: an even number 2n is the gap n + 1, an odd number 2n + 1 is n + 2 contacts one behind the other. The first step
//! of a group leads from 0. All numbers are LEB128.

use crate::store::StoreError;
use crate::store::folding::MAX_WORD_BYTES;

/// Bytes from which a block is full. SQLite keeps a row of an index in a page if it has at most a quarter of the page.
const FULL_BYTES: usize = 850;

/// Packs postings into a block. They come in the order of words, then of contacts, each once.
#[derive(Debug, Default)]
pub(super) struct BlockWriter {
    bytes: Vec<u8>,
    first_word: Vec<u8>,
    /// The group that is being written.
    word: Vec<u8>,
    steps: Vec<u8>,
    last: u64,
    /// Contacts behind `last`, without a gap, that have no step yet.
    run: u64,
    is_in_group: bool,
}

/// A packed block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The word of its first posting.
    pub(super) first_word: Vec<u8>,
    /// What it is stored as.
    pub(super) bytes: Vec<u8>,
}

impl BlockWriter {
    /// Adds a posting. Returns a block if one is full by that.
    pub(super) fn push(&mut self, word: &[u8], contact: u64) -> Option<Block> {
        if !self.is_in_group || self.word != word {
            self.end_group();
            let full = self.take_if_full();
            self.begin_group(word);
            self.add(contact);
            return full;
        }
        self.add(contact);
        // The rest of the word's contacts go into another group, in another block.
        if self.bytes.len() + self.steps.len() < FULL_BYTES {
            return None;
        }
        self.end_group();
        self.take_if_full()
    }

    /// Returns the last block, if it has any posting.
    pub(super) fn finish(mut self) -> Option<Block> {
        self.end_group();
        self.take()
    }

    fn begin_group(&mut self, word: &[u8]) {
        if self.bytes.is_empty() {
            self.word.clear();
            word.clone_into(&mut self.first_word);
        }
        let shared = self.word.iter().zip(word).take_while(|(one, other)| one == other).count();
        let rest = word.get(shared..).unwrap_or_default();
        write_number(&mut self.bytes, shared as u64);
        write_number(&mut self.bytes, rest.len() as u64);
        self.bytes.extend_from_slice(rest);
        word.clone_into(&mut self.word);
        (self.last, self.run, self.is_in_group) = (0, 0, true);
    }

    fn add(&mut self, contact: u64) {
        if contact == self.last + self.run + 1 {
            self.run += 1;
            return;
        }
        self.end_run();
        self.step(2 * (contact - self.last - 1));
        self.last = contact;
    }

    fn end_run(&mut self) {
        match self.run {
            0 => {}
            1 => self.step(0),
            run => self.step(2 * (run - 2) + 1),
        }
        self.last += self.run;
        self.run = 0;
    }

    fn step(&mut self, step: u64) {
        write_number(&mut self.steps, step);
    }

    fn end_group(&mut self) {
        if !self.is_in_group {
            return;
        }
        self.end_run();
        write_number(&mut self.bytes, self.steps.len() as u64);
        self.bytes.append(&mut self.steps);
        self.is_in_group = false;
    }

    fn take_if_full(&mut self) -> Option<Block> {
        if self.bytes.len() >= FULL_BYTES { self.take() } else { None }
    }

    fn take(&mut self) -> Option<Block> {
        let (bytes, first_word) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.first_word));
        (!bytes.is_empty()).then_some(Block { first_word, bytes })
    }
}

/// Reads the groups of a block.
#[derive(Debug)]
pub(super) struct BlockReader<'a> {
    rest: &'a [u8],
    word: Vec<u8>,
}

/// Contacts that have a word, in their order.
#[derive(Debug)]
pub(super) struct Steps<'a> {
    rest: &'a [u8],
    last: u64,
}

impl<'a> BlockReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, word: Vec::new() }
    }

    /// Reads the next group: its word and its contacts. Returns `None` behind the last one.
    pub(super) fn next(&mut self) -> Result<Option<(&[u8], Steps<'a>)>, StoreError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let shared = length(&mut self.rest)?;
        let added = length(&mut self.rest)?;
        let (added, rest) = self.rest.split_at_checked(added).ok_or_else(broken)?;
        if shared > self.word.len() || shared + added.len() > MAX_WORD_BYTES {
            return Err(broken());
        }
        self.word.truncate(shared);
        self.word.extend_from_slice(added);
        self.rest = rest;
        let steps = length(&mut self.rest)?;
        let (steps, rest) = self.rest.split_at_checked(steps).ok_or_else(broken)?;
        self.rest = rest;
        Ok(Some((&self.word, Steps { rest: steps, last: 0 })))
    }
}

impl Steps<'_> {
    /// Returns the next contacts: the first and the last of some that have no gap between them.
    pub(super) fn next(&mut self) -> Result<Option<(u64, u64)>, StoreError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let step = read_number(&mut self.rest)?;
        let (first, last) = if step % 2 == 0 {
            let next = self.last.checked_add(step / 2 + 1).ok_or_else(broken)?;
            (next, next)
        } else {
            (self.last + 1, self.last.checked_add(step / 2 + 2).ok_or_else(broken)?)
        };
        // No contact has an id that a signed number cannot hold.
        if last > i64::MAX.unsigned_abs() {
            return Err(broken());
        }
        self.last = last;
        Ok(Some((first, last)))
    }
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Result<u64, StoreError> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or_else(broken)?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(broken())
}

fn length(bytes: &mut &[u8]) -> Result<usize, StoreError> {
    usize::try_from(read_number(bytes)?).map_err(|_| broken())
}

fn broken() -> StoreError {
    StoreError::Corrupt(String::from("a block of the word index"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::{btree_set, vec};
    use proptest::prelude::{ProptestConfig, any, prop_oneof, proptest};

    use super::{Block, BlockReader, BlockWriter, FULL_BYTES};

    fn packed(postings: &BTreeSet<(Vec<u8>, u64)>) -> Vec<Block> {
        let mut writer = BlockWriter::default();
        let mut blocks: Vec<Block> =
            postings.iter().filter_map(|(word, contact)| writer.push(word, *contact)).collect();
        blocks.extend(writer.finish());
        blocks
    }

    fn unpacked(blocks: &[Block]) -> Vec<(Vec<u8>, u64)> {
        let mut postings = Vec::new();
        for block in blocks {
            let mut reader = BlockReader::new(&block.bytes);
            let before = postings.len();
            while let Some((word, mut steps)) = reader.next().unwrap() {
                let word = word.to_vec();
                while let Some((first, last)) = steps.next().unwrap() {
                    postings.extend((first..=last).map(|contact| (word.clone(), contact)));
                }
            }
            assert_eq!(postings[before].0, block.first_word);
        }
        postings
    }

    #[test]
    fn runs_of_contacts_take_a_few_bytes() {
        let everybody: BTreeSet<_> = (1..=1_000_000).map(|contact| (b"example".to_vec(), contact)).collect();
        let blocks = packed(&everybody);
        assert_eq!((blocks.len(), blocks[0].bytes.len()), (1, 13));
        assert_eq!(unpacked(&blocks).len(), 1_000_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn blocks_have_what_was_packed(
            words in btree_set("[a-c]{1,3}|[a-z]{1,40}", 1..40),
            contacts in btree_set(prop_oneof![1_u64..400, 1_u64..i64::MAX as u64], 1..200),
            skipped in vec(any::<bool>(), 1..50),
        ) {
            let all = words.iter().flat_map(|word| contacts.iter().map(|contact| (word.clone().into_bytes(), *contact)));
            let mut skips = skipped.iter().cycle();
            let postings: BTreeSet<_> = all.filter(|_| !skips.next().copied().unwrap_or(false)).collect();
            let blocks = packed(&postings);
            assert_eq!(unpacked(&blocks), postings.into_iter().collect::<Vec<_>>());
            assert!(blocks.iter().all(|block| block.bytes.len() < FULL_BYTES + 100));
        }

        #[test]
        fn broken_blocks_are_errors(bytes in vec(any::<u8>(), 0..200)) {
            let mut reader = BlockReader::new(&bytes);
            while let Ok(Some((_, mut steps))) = reader.next() {
                while let Ok(Some((first, last))) = steps.next() {
                    assert!(first <= last);
                }
            }
        }
    }
}
