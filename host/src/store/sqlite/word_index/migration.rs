//! Moves the words of contacts out of FTS5, where earlier versions kept them: one segment for each tenant.

use roaring::RoaringTreemap;
use rusqlite::Connection;

use super::ANONYMOUS_WORD;
use super::block::{Block, BlockWriter};
use super::segments::{self, Place, Segment};
use crate::domain::TenantId;
use crate::store::StoreError;
use crate::store::error::Context;
use crate::store::folding::MAX_WORD_BYTES;

const CONTEXT: &str = "moving the index of words";
/// The bits of a row id that held the contact's id, below those of the tenant's id.
const CONTACT_BITS: u64 = (1 << 40) - 1;

/// Moves all words, and drops what had them.
pub(in crate::store::sqlite) fn move_words(connection: &Connection) -> Result<(), StoreError> {
    connection
        .execute_batch("CREATE VIRTUAL TABLE temp.old_words USING fts5vocab('main', 'contact_words', 'instance')")
        .context(CONTEXT)?;
    let mut tenant: Option<TenantWords<'_>> = None;
    let mut statement = connection.prepare("SELECT term, doc FROM temp.old_words").context(CONTEXT)?;
    let mut rows = statement.query([]).context(CONTEXT)?;
    while let Some(row) = rows.next().context(CONTEXT)? {
        let term = row.get_ref(0).context(CONTEXT)?.as_str().context(CONTEXT)?;
        let Some((id, word)) = marked(term) else { continue };
        // The words of a tenant stand together, because they begin with its id and a letter.
        if tenant.as_ref().is_none_or(|tenant| tenant.tenant != id)
            && let Some(done) = tenant.replace(TenantWords::new(connection, id))
        {
            done.finish()?;
        }
        if let Some(tenant) = &mut tenant {
            let contact = row.get::<_, i64>(1).context(CONTEXT)?.unsigned_abs() & CONTACT_BITS;
            tenant.add(word, contact)?;
        }
    }
    drop(rows);
    drop(statement);
    if let Some(last) = tenant {
        last.finish()?;
    }
    connection.execute_batch("DROP TABLE temp.old_words; DROP TABLE contact_words").context(CONTEXT)
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
    anonymous: RoaringTreemap,
    writer: BlockWriter,
    blocks: i64,
}

impl<'a> TenantWords<'a> {
    /// All contacts that were listed before have this origin.
    const PLACE: Place = Place { last_origin: 1, generation: 0 };

    fn new(connection: &'a Connection, tenant: TenantId) -> Self {
        let (contacts, anonymous) = (RoaringTreemap::new(), RoaringTreemap::new());
        Self { connection, tenant, word: String::new(), contacts, anonymous, writer: BlockWriter::default(), blocks: 0 }
    }

    fn add(&mut self, word: &str, contact: u64) -> Result<(), StoreError> {
        if word == ANONYMOUS_WORD {
            // Its place is behind all words of letters and digits.
            self.anonymous.insert(contact);
            return Ok(());
        }
        if self.word != word {
            self.end_word()?;
            word.clone_into(&mut self.word);
        }
        self.contacts.insert(contact);
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
