//! The contacts that a filter finds, as a set.

use roaring::RoaringTreemap;
use rusqlite::{Connection, Params, params};

use super::word_index::WordSearch;
use crate::domain::TenantId;
use crate::store::error::Context;
use crate::store::listing::{range_column, signed_ids};
use crate::store::{ContactFilter, StoreError};

const CONTEXT: &str = "searching contacts";

/// The contacts that a filter finds.
pub(super) enum Found {
    /// These.
    Only(RoaringTreemap),
    /// All of the tenant but these. So no search reads all contacts because of a *not*.
    AllBut(RoaringTreemap),
}

impl Found {
    /// Returns what a filter finds. The depth of the recursion is that of the filter.
    pub(super) fn by(connection: &Connection, tenant: TenantId, filter: &ContactFilter) -> Result<Self, StoreError> {
        Search { connection, tenant, words: WordSearch::new(connection, tenant)? }.find(filter)
    }

    /// Returns the newest of these contacts with an id below one, the newest first, at most `limit`.
    pub(super) fn newest(
        self,
        connection: &Connection,
        tenant: TenantId,
        below: i64,
        limit: usize,
    ) -> Result<Vec<i64>, StoreError> {
        match self {
            Self::Only(mut contacts) => {
                contacts.remove_range(below.unsigned_abs()..);
                Ok(contacts.iter().rev().take(limit).map(signed).collect())
            }
            Self::AllBut(excluded) => {
                let all: i64 = connection
                    .prepare_cached("SELECT contacts FROM tenants WHERE id = ?1")
                    .and_then(|mut statement| statement.query_row([tenant.0], |row| row.get(0)))
                    .context(CONTEXT)?;
                // Once these are found, none of the older contacts is.
                let left = all.unsigned_abs().saturating_sub(excluded.len());
                let limit = limit.min(usize::try_from(left).unwrap_or(usize::MAX));
                let mut statement = connection
                    .prepare_cached(
                        "SELECT contact FROM listed WHERE tenant = ?1 AND contact < ?2 ORDER BY contact DESC",
                    )
                    .context(CONTEXT)?;
                let all = statement.query_map([tenant.0, below], |row| row.get::<_, i64>(0)).context(CONTEXT)?;
                let is_found = |contact: &Result<i64, _>| {
                    contact.as_ref().map_or(true, |contact| !excluded.contains(contact.unsigned_abs()))
                };
                all.filter(is_found).take(limit).collect::<Result<_, _>>().context(CONTEXT)
            }
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(one), Self::Only(other)) => Self::Only(one & other),
            (Self::Only(one), Self::AllBut(other)) | (Self::AllBut(other), Self::Only(one)) => Self::Only(one - other),
            (Self::AllBut(one), Self::AllBut(other)) => Self::AllBut(one | other),
        }
    }

    fn inverted(self) -> Self {
        match self {
            Self::Only(contacts) => Self::AllBut(contacts),
            Self::AllBut(contacts) => Self::Only(contacts),
        }
    }
}

struct Search<'a> {
    connection: &'a Connection,
    tenant: TenantId,
    words: WordSearch<'a>,
}

impl Search<'_> {
    fn find(&self, filter: &ContactFilter) -> Result<Found, StoreError> {
        Ok(match filter {
            ContactFilter::All => Found::AllBut(RoaringTreemap::new()),
            ContactFilter::Ids(ids) => Found::Only(self.among(&signed_ids(ids))?),
            ContactFilter::Words(words) => Found::Only(self.words.with_words(words)?),
            ContactFilter::Anonymous => Found::Only(self.words.anonymous()?),
            ContactFilter::KeyBeginning { field, beginning } => Found::Only(self.with_key(field, beginning)?),
            &ContactFilter::Range { key, from, to } => {
                let column = range_column(key);
                let sql = format!("SELECT contact FROM listed WHERE tenant = ?1 AND {column} BETWEEN ?2 AND ?3");
                Found::Only(self.query(&sql, params![self.tenant.0, from, to])?)
            }
            ContactFilter::And(filters) => self.all_of(filters.iter(), Self::find)?,
            // What none of them finds, turned round.
            ContactFilter::Or(filters) => {
                self.all_of(filters.iter(), |search, filter| search.find(filter).map(Found::inverted))?.inverted()
            }
            ContactFilter::Not(filter) => self.find(filter)?.inverted(),
        })
    }

    fn all_of<'f>(
        &self,
        filters: impl Iterator<Item = &'f ContactFilter>,
        find: impl Fn(&Self, &ContactFilter) -> Result<Found, StoreError>,
    ) -> Result<Found, StoreError> {
        let mut all = Found::AllBut(RoaringTreemap::new());
        for filter in filters {
            all = all.and(find(self, filter)?);
        }
        Ok(all)
    }

    /// Returns the contacts of these ids that exist.
    fn among(&self, ids: &[i64]) -> Result<RoaringTreemap, StoreError> {
        let ids = serde_json::to_string(ids).context(CONTEXT)?;
        let sql = "SELECT contact FROM listed WHERE tenant = ?1 AND contact IN (SELECT value FROM json_each(?2))";
        self.query(sql, params![self.tenant.0, ids])
    }

    /// Returns the contacts that have a key of a field whose value begins so.
    fn with_key(&self, field: &str, beginning: &str) -> Result<RoaringTreemap, StoreError> {
        // PostgreSQL keeps values with these characters in another form, so no beginning finds them there.
        if beginning.contains(['\0', '\u{1}', '\u{2}']) {
            return Ok(RoaringTreemap::new());
        }
        // Behind all values that begin so. No text has a character behind this one.
        let below = format!("{beginning}\u{10ffff}");
        let sql = "SELECT listed.contact FROM contact_keys AS keys
                   CROSS JOIN listed ON listed.tenant = ?1 AND listed.contact = keys.contact
                   WHERE keys.tenant = ?1 AND keys.field = ?2 AND keys.value >= ?3 AND keys.value < ?4";
        self.query(sql, params![self.tenant.0, field, beginning, below])
    }

    fn query(&self, sql: &str, values: impl Params) -> Result<RoaringTreemap, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement.query_map(values, |row| row.get::<_, i64>(0).map(i64::unsigned_abs))?.collect()
            })
            .context(CONTEXT)
    }
}

fn signed(contact: u64) -> i64 {
    i64::try_from(contact).unwrap_or(i64::MAX)
}
