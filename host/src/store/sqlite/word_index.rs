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

pub(super) use merge::{delete_merged, step as merge_next};
pub(super) use migration::move_words;
pub(super) use search::WordSearch;
pub(super) use writer::WordWriter;

/// The word of contacts that their component marked as anonymous. No search is for it, because it is neither letter nor digit.
const ANONYMOUS_WORD: &str = "\u{f0000}";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;
    use rusqlite::Connection;

    use super::{WordSearch, WordWriter, delete_merged, merge_next, move_words};
    use crate::domain::TenantId;
    use crate::store::Opening;
    use crate::store::sqlite::connections::Connections;
    use crate::store::sqlite::migrations;

    const ACME: TenantId = TenantId(7);
    const NAMES: [&str; 4] = ["Ada", "Adam", "Zoë", "Γιώργος"];

    fn found(connection: &Connection, tenant: TenantId, word: &str) -> Vec<u64> {
        WordSearch::new(connection, tenant).unwrap().with_words(&[word.to_owned()]).unwrap().iter().collect()
    }

    /// Asserts that no block is left of what is no segment any more, and that the counters can be true.
    fn assert_is_sound(connection: &Connection) {
        let wrong: i64 = connection
            .query_row(
                "SELECT (SELECT count(*) FROM word_blocks WHERE (tenant, last_origin, generation) NOT IN (
                           SELECT tenant, last_origin, generation FROM word_segments
                           UNION SELECT tenant, last_origin, generation FROM word_dropped
                           UNION SELECT tenant, last_origin, generation FROM word_merges))
                      + (SELECT count(*) FROM word_segments WHERE dead < 0 OR dead > contacts)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(wrong, 0);
    }

    #[test]
    fn merges_lose_nothing_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.sqlite");
        let connections = Connections::open(&path).unwrap();
        connections.write(|connection| migrations::run(connection, &path, Opening::Server)).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        // The name of each contact and the origin of its words.
        let mut known: BTreeMap<i64, (usize, i64)> = BTreeMap::new();
        for round in 0..300 {
            connections
                .write(|connection| {
                    let transaction = connection.transaction().unwrap();
                    let mut writer = WordWriter::new(&transaction, ACME)?;
                    // Large segments among small ones, so that some are merged in steps beside others that are merged at once.
                    let count = if round % 40 == 0 { 900 } else { random.random_range(1..4) };
                    for _ in 0..count {
                        let (contact, name) = (random.random_range(1..3_000), random.random_range(0..NAMES.len()));
                        let before = known.insert(contact, (name, writer.origin())).map(|(_, origin)| origin);
                        writer.index(contact, NAMES[name].to_owned(), before)?;
                    }
                    if let Some((contact, (_, origin))) = known.pop_last() {
                        writer.remove(contact, origin)?;
                    }
                    writer.finish()?;
                    transaction.commit().unwrap();
                    Ok(())
                })
                .unwrap();
            if random.random_ratio(1, 3) {
                delete_merged(&connections).unwrap();
                merge_next(&connections).unwrap();
            }
            connections
                .read(|connection| {
                    assert_is_sound(connection);
                    for (place, name) in NAMES.iter().enumerate().filter(|_| round % 10 == 0) {
                        let has = |(_, (name, _)): &(&i64, &(usize, i64))| *name == place || (place == 0 && *name == 1);
                        let expected: Vec<u64> =
                            known.iter().filter(has).map(|(contact, _)| contact.unsigned_abs()).collect();
                        assert_eq!(found(connection, ACME, name), expected, "{name} in round {round}");
                    }
                    Ok(())
                })
                .unwrap();
        }
        while delete_merged(&connections).unwrap() || merge_next(&connections).unwrap() {}
        connections
            .read(|connection| {
                let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
                assert_eq!(count("SELECT count(*) FROM word_dropped") + count("SELECT count(*) FROM word_merges"), 0);
                assert!(count("SELECT count(*) FROM word_segments") < 30);
                Ok(())
            })
            .unwrap();
    }

    /// Makes a store of the schema before this index, in which FTS5 has the words of contacts.
    fn earlier_store(words: &[(TenantId, i64, &str)]) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        migrations::run_to(&connection, 10);
        for (tenant, contact, text) in words {
            connection
                .execute("INSERT INTO listed VALUES (?1, ?2, 0, '')", rusqlite::params![tenant.0, contact])
                .unwrap();
            let marked: Vec<String> = text.split_whitespace().map(|word| format!("{}{word}", tenant.0)).collect();
            connection
                .execute(
                    "INSERT INTO contact_words (rowid, words) VALUES (?1, ?2)",
                    rusqlite::params![(tenant.0 << 40) | contact, marked.join(" ")],
                )
                .unwrap();
        }
        connection.execute_batch(include_str!("schema/0011.sql")).unwrap();
        move_words(&connection).unwrap();
        connection
    }

    #[test]
    fn words_of_fts5_are_found_as_before() {
        let (acme, other) = (TenantId(1), TenantId(10));
        let connection = earlier_store(&[
            (acme, 1, "xAda xΓιώργος"),
            (acme, 2, "xΑλέξανδρος xadam"),
            (acme, 3, "xΐos xZoë a"),
            (other, 1, "xAda xΣοφία"),
        ]);
        for (tenant, word, expected) in [
            (acme, "Ada", vec![1, 2]),
            (acme, "Γιώργος", vec![1]),
            (acme, "ΓΙΏΡΓΟΣ", vec![1]),
            (acme, "Αλέξανδρος", vec![2]),
            (acme, "Αλέξ", vec![2]),
            (acme, "ΐ", vec![3]),
            (acme, "zoe", vec![3]),
            (acme, "Σοφία", vec![]),
            (other, "Σοφία", vec![1]),
            (other, "ada", vec![1]),
        ] {
            assert_eq!(found(&connection, tenant, word), expected, "{word}");
        }
        assert_eq!(WordSearch::new(&connection, acme).unwrap().anonymous().unwrap().iter().collect::<Vec<_>>(), [3]);
        assert_is_sound(&connection);
    }

    #[test]
    fn contacts_without_words_that_were_listed_before_are_indexed_again() {
        let listed: Vec<(TenantId, i64, &str)> = (1..=20).map(|contact| (ACME, contact, "")).collect();
        let connection = earlier_store(&listed);
        for contact in 1..=20 {
            let mut writer = WordWriter::new(&connection, ACME).unwrap();
            writer.index(contact, String::from("Ada"), Some(1)).unwrap();
            writer.finish().unwrap();
            assert_is_sound(&connection);
        }
        assert_eq!(found(&connection, ACME, "ada").len(), 20);
    }
}
