//! Moves the words of contacts out of FTS5, where earlier versions kept them: one segment for each tenant.

use std::collections::BTreeMap;

use roaring::RoaringTreemap;
use rusqlite::Connection;

use super::ANONYMOUS_WORD;
use super::block::{Block, BlockWriter};
use super::segments::{self, Place, Segment};
use crate::domain::TenantId;
use crate::store::StoreError;
use crate::store::error::Context;
use crate::store::folding::{self, MAX_WORD_BYTES};

const CONTEXT: &str = "moving the index of words";
/// The bits of a row id that held the contact's id, below those of the tenant's id.
const CONTACT_BITS: u64 = (1 << 40) - 1;

/// Moves all words, and drops what had them.
///
/// FTS5 folded a few letters otherwise, and took some marks and young letters for separators. A word that is folded otherwise now is
/// moved as it is looked for. What FTS5 left out is indexed when the contact is next changed.
pub(in crate::store::sqlite) fn move_words(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch("CREATE VIRTUAL TABLE temp.old_words USING fts5vocab('main', 'contact_words', 'instance')")
        .context(CONTEXT)?;
    let mut folded = BTreeMap::<TenantId, FoldedWords>::new();
    each_posting(connection, |tenant, word, contact| {
        for new in changed(word).iter().flatten() {
            folded.entry(tenant).or_default().entry(new.clone()).or_default().insert(contact);
        }
        Ok(())
    })?;
    let mut writing: Option<TenantWords<'_>> = None;
    each_posting(connection, |tenant, word, contact| {
        // The words of a tenant stand together, because they begin with its id and a letter.
        if writing.as_ref().is_none_or(|writing| writing.tenant != tenant) {
            let words = TenantWords::new(connection, tenant, folded.remove(&tenant).unwrap_or_default());
            writing.replace(words).map_or(Ok(()), TenantWords::finish)?;
        }
        match &mut writing {
            Some(writing) if changed(word).is_none() => writing.add(word, contact),
            _ => Ok(()),
        }
    })?;
    writing.map_or(Ok(()), TenantWords::finish)?;
    // Every listed contact has a segment that covers its origin, also where none of them has a word.
    connection
        .execute_batch(
            "INSERT INTO word_segments (tenant, last_origin, generation, level, contacts, dead)
               SELECT tenant, 1, 0, 0, count(*), 0 FROM listed GROUP BY tenant ON CONFLICT DO NOTHING;
             DROP TABLE temp.old_words;
             DROP TABLE contact_words",
        )
        .context(CONTEXT)
}

/// The contacts of words, in the order of the words.
type FoldedWords = BTreeMap<String, RoaringTreemap>;

/// Calls `each` with a tenant, a word and a contact that has it, in the order of tenants and words.
fn each_posting(
    connection: &Connection,
    mut each: impl FnMut(TenantId, &str, u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT term, doc FROM temp.old_words").context(CONTEXT)?;
    let mut rows = statement.query([]).context(CONTEXT)?;
    while let Some(row) = rows.next().context(CONTEXT)? {
        let term = row.get_ref(0).context(CONTEXT)?.as_str().context(CONTEXT)?;
        let Some((tenant, word)) = marked(term) else { continue };
        each(tenant, word, row.get::<_, i64>(1).context(CONTEXT)?.unsigned_abs() & CONTACT_BITS)?;
    }
    Ok(())
}

/// Returns the words by which a word of FTS5 is looked for now, if these are others.
fn changed(word: &str) -> Option<Vec<String>> {
    if word.is_ascii() || word == ANONYMOUS_WORD {
        return None;
    }
    let mut now = folding::words(word);
    // FTS5 made one letter of the two forms of sigma; whether it was the form for the end of a word is not known.
    let with_final: Vec<String> =
        now.iter().filter_map(|word| word.strip_suffix('\u{3c3}')).map(|word| format!("{word}\u{3c2}")).collect();
    now.extend(with_final);
    (now != [word]).then_some(now)
}

/// Returns the tenant and the word of a term: `7xada`, or `7a` for contacts that are anonymous.
fn marked(term: &str) -> Option<(TenantId, &str)> {
    let digits = term.find(|c: char| !c.is_ascii_digit())?;
    let (tenant, word) = term.split_at_checked(digits)?;
    let tenant = TenantId(tenant.parse().ok()?);
    let word = if word == "a" { ANONYMOUS_WORD } else { word.strip_prefix('x')? };
    Some((tenant, word.get(..word.floor_char_boundary(MAX_WORD_BYTES))?))
}

/// The segment of a tenant that is being written.
struct TenantWords<'a> {
    connection: &'a Connection,
    tenant: TenantId,
    /// Contacts of the last word. Words that are alike after they are cut stand together.
    word: String,
    contacts: RoaringTreemap,
    /// Words that FTS5 had in another form and place.
    folded: FoldedWords,
    anonymous: RoaringTreemap,
    writer: BlockWriter,
    blocks: i64,
}

impl<'a> TenantWords<'a> {
    /// All contacts that were listed before have this origin.
    const PLACE: Place = Place { last_origin: 1, generation: 0 };

    fn new(connection: &'a Connection, tenant: TenantId, folded: FoldedWords) -> Self {
        let (contacts, anonymous) = (RoaringTreemap::new(), RoaringTreemap::new());
        let (word, writer) = (String::new(), BlockWriter::default());
        Self { connection, tenant, word, contacts, folded, anonymous, writer, blocks: 0 }
    }

    fn add(&mut self, word: &str, contact: u64) -> Result<(), StoreError> {
        if word == ANONYMOUS_WORD {
            // Its place is behind all words of letters and digits.
            self.anonymous.insert(contact);
            return Ok(());
        }
        if self.word != word {
            self.end_word()?;
            self.write_folded(Some(word))?;
            word.clone_into(&mut self.word);
            self.contacts = self.folded.remove(word).unwrap_or_default();
        }
        self.contacts.insert(contact);
        Ok(())
    }

    /// Writes the words that FTS5 had in another place, up to one.
    fn write_folded(&mut self, before: Option<&str>) -> Result<(), StoreError> {
        while let Some(first) = self.folded.first_entry() {
            if before.is_some_and(|before| first.key().as_str() >= before) {
                break;
            }
            (self.word, self.contacts) = first.remove_entry();
            self.end_word()?;
        }
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), StoreError> {
        for contact in std::mem::take(&mut self.contacts) {
            if let Some(block) = self.writer.push(self.word.as_bytes(), contact) {
                self.write(&block)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, block: &Block) -> Result<(), StoreError> {
        segments::write_blocks(self.connection, self.tenant, Self::PLACE, self.blocks, std::slice::from_ref(block))?;
        self.blocks += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<(), StoreError> {
        self.end_word()?;
        self.write_folded(None)?;
        ANONYMOUS_WORD.clone_into(&mut self.word);
        self.contacts = std::mem::take(&mut self.anonymous);
        self.end_word()?;
        if let Some(last) = std::mem::take(&mut self.writer).finish() {
            self.write(&last)?;
        }
        let contacts = self
            .connection
            .query_row("SELECT count(*) FROM listed WHERE tenant = ?1", [self.tenant.0], |row| row.get(0))
            .context(CONTEXT)?;
        let Place { last_origin, generation } = Self::PLACE;
        let segment = Segment { last_origin, generation, level: level_of(contacts), contacts, dead: 0 };
        segments::add(self.connection, self.tenant, &segment)
    }
}

/// Returns a level at which a segment of so many contacts is not merged with ones that are much smaller.
fn level_of(contacts: i64) -> i64 {
    i64::from(contacts.unsigned_abs().max(1).ilog2() / 3)
}
