//! The words that contacts are searched by: an index of its own, because FTS5 takes three times as long to write.
//!
//! The index of a tenant is a few segments (`segments.rs`). A segment is a list of postings, pairs of a word and a contact that has
//! it, in their order, packed into blocks (`block.rs`). Each indexing transaction adds one segment (`writer.rs`). Eight segments of
//! one level are merged into one of the next (`merge.rs`), so that a search (`search.rs`) reads a few dozen at most.
//!
//! A segment never changes. A contact that is indexed again or deleted is dead in the segment that had its words, until a merge
//! leaves it out.

mod block;
mod cursor;
mod merge;
mod migration;
mod search;
mod segments;
mod writer;

pub(super) use merge::step as merge_next;
pub(super) use migration::move_words;
pub(super) use search::WordSearch;
pub(super) use writer::WordWriter;

/// The word of contacts that their component marked as anonymous. No search is for it, because it is neither letter nor digit.
const ANONYMOUS_WORD: &str = "\u{f0000}";
