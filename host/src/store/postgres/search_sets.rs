//! What a filter finds, as one query.
//!
//! A filter becomes operations on sets of contacts. What a filter excludes is kept as a set that is excluded, until it is taken
//! from a set that is found; so no query reads all contacts of a tenant because of a *not*.

use crate::store::ContactFilter;
use crate::store::listing::{range_column, signed_ids};

/// The contacts that a filter finds.
#[derive(Debug)]
pub(super) struct ContactSet {
    /// Contacts.
    pub(super) members: Members,
    /// Whether the filter finds all contacts but the members.
    pub(super) is_excluded: bool,
}

/// Contacts, as a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Members {
    /// No contact.
    Nobody,
    /// Those that a query of the word index finds.
    Words(String),
    /// Those that an SQL query returns, in its column `contact`.
    Query(String),
}

/// An operation on two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetOperation {
    /// The contacts that are in both.
    Intersect,
    /// The contacts that are in one of them.
    Union,
    /// The contacts of the first that are not in the second.
    Except,
}

impl SetOperation {
    fn sql(self) -> &'static str {
        match self {
            Self::Intersect => "INTERSECT",
            Self::Union => "UNION",
            Self::Except => "EXCEPT",
        }
    }
}

/// The parts of a query, in SQL. Queries have the tenant as their first parameter; what else
/// they compare with becomes further parameters.
pub(super) trait QueryParts {
    /// Returns the query of the word index for contacts that have, for each of these, a word that begins with it. Returns
    /// `None` if these have no letter or digit.
    fn words(&self, beginnings: &[String]) -> Option<String>;

    /// Returns the query of the word index for contacts that are marked as anonymous.
    fn anonymous(&self) -> String;

    /// Joins two queries of the word index.
    fn join(&self, operation: SetOperation, one: &str, other: &str) -> String;

    /// Returns the SQL query for what a query of the word index finds.
    fn of_words(&mut self, query: String) -> String;

    /// Returns the SQL query for the contacts among these ids.
    fn of_ids(&mut self, ids: Vec<i64>) -> String;

    /// Returns the SQL query for contacts of which a column of `listed` is in a range, with its ends.
    fn of_range(&mut self, column: &'static str, from: i64, to: i64) -> String;

    /// Returns the SQL query for the listed contacts that have a key of this field with a value in a range.
    fn of_keys(&mut self, field: &str, from: &str, below: &str) -> String;
}

/// Returns what a filter finds. The depth of the recursion is that of the filter.
pub(super) fn set_of(filter: &ContactFilter, parts: &mut impl QueryParts) -> ContactSet {
    let found = |members| ContactSet { members, is_excluded: false };
    match filter {
        ContactFilter::All => ContactSet { members: Members::Nobody, is_excluded: true },
        ContactFilter::Ids(ids) if ids.is_empty() => found(Members::Nobody),
        ContactFilter::Ids(ids) => found(Members::Query(parts.of_ids(signed_ids(ids)))),
        ContactFilter::Words(words) => found(parts.words(words).map_or(Members::Nobody, Members::Words)),
        ContactFilter::Anonymous => found(Members::Words(parts.anonymous())),
        // A dialect may keep values with these characters in another form, so no beginning finds them.
        ContactFilter::KeyBeginning { beginning, .. } if beginning.contains(['\0', '\u{1}', '\u{2}']) => {
            found(Members::Nobody)
        }
        ContactFilter::KeyBeginning { field, beginning } => {
            // Behind all values that begin so. No text has a character behind this one.
            let below = format!("{beginning}\u{10ffff}");
            found(Members::Query(parts.of_keys(field, beginning, &below)))
        }
        &ContactFilter::Range { key, from, to } => found(Members::Query(parts.of_range(range_column(key), from, to))),
        ContactFilter::And(filters) => filters.iter().fold(set_of(&ContactFilter::All, parts), |all, filter| {
            let next = set_of(filter, parts);
            both(all, next, parts)
        }),
        ContactFilter::Or(filters) => {
            let nobody = ContactSet { members: Members::Nobody, is_excluded: false };
            filters.iter().fold(nobody, |any, filter| {
                let next = set_of(filter, parts);
                // What neither finds, turned round.
                both(any.inverted(), next.inverted(), parts).inverted()
            })
        }
        ContactFilter::Not(filter) => set_of(filter, parts).inverted(),
    }
}

fn both(one: ContactSet, other: ContactSet, parts: &mut impl QueryParts) -> ContactSet {
    let (operation, one, other) = match (one.is_excluded, other.is_excluded) {
        (false, false) => (SetOperation::Intersect, one, other),
        (false, true) => (SetOperation::Except, one, other),
        (true, false) => (SetOperation::Except, other, one),
        (true, true) => (SetOperation::Union, one, other),
    };
    ContactSet { members: combine(operation, one.members, other.members, parts), is_excluded: one.is_excluded }
}

/// No SQL query is left out, even where nobody can be found, because its parameters are there already.
fn combine(operation: SetOperation, one: Members, other: Members, parts: &mut impl QueryParts) -> Members {
    match (operation, one, other) {
        (SetOperation::Union, Members::Nobody, members) => members,
        (SetOperation::Union | SetOperation::Except, members, Members::Nobody) => members,
        (_, Members::Nobody, Members::Nobody | Members::Words(_)) | (_, Members::Words(_), Members::Nobody) => {
            Members::Nobody
        }
        (_, Members::Words(one), Members::Words(other)) => Members::Words(parts.join(operation, &one, &other)),
        (_, one, other) => {
            let (one, other) = (query_of(one, parts), query_of(other, parts));
            let sql = operation.sql();
            Members::Query(format!("SELECT contact FROM ({one}) AS one {sql} SELECT contact FROM ({other}) AS other"))
        }
    }
}

/// Returns the SQL query for contacts.
pub(super) fn query_of(members: Members, parts: &mut impl QueryParts) -> String {
    match members {
        Members::Nobody => parts.of_ids(Vec::new()),
        Members::Words(query) => parts.of_words(query),
        Members::Query(query) => query,
    }
}

impl ContactSet {
    fn inverted(self) -> Self {
        Self { is_excluded: !self.is_excluded, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::{ContactSet, Members, QueryParts, SetOperation, set_of};
    use crate::domain::ContactId;
    use crate::store::ContactFilter;

    /// Writes queries that are easy to read.
    struct Plain;

    impl QueryParts for Plain {
        fn words(&self, beginnings: &[String]) -> Option<String> {
            (!beginnings.is_empty()).then(|| beginnings.join("&"))
        }

        fn anonymous(&self) -> String {
            String::from("anonymous")
        }

        fn join(&self, operation: SetOperation, one: &str, other: &str) -> String {
            format!("({one} {} {other})", operation.sql())
        }

        fn of_words(&mut self, query: String) -> String {
            format!("w {query}")
        }

        fn of_ids(&mut self, ids: Vec<i64>) -> String {
            format!("i {ids:?}")
        }

        fn of_range(&mut self, column: &'static str, from: i64, to: i64) -> String {
            format!("r {column} {from} {to}")
        }

        fn of_keys(&mut self, field: &str, from: &str, below: &str) -> String {
            format!("k {field} {from} {below:?}")
        }
    }

    fn word(word: &str) -> ContactFilter {
        ContactFilter::Words(vec![word.to_owned()])
    }

    fn not(filter: ContactFilter) -> ContactFilter {
        ContactFilter::Not(Box::new(filter))
    }

    #[test]
    fn words_stay_one_query_of_the_index_and_exclusions_wait_for_something_found() {
        use ContactFilter::{And, Or};
        let ids = || ContactFilter::Ids(vec![ContactId(2), ContactId(1), ContactId(2)]);
        let words = |query: &str| Members::Words(query.to_owned());
        let sql = |query: &str| Members::Query(query.to_owned());
        for (filter, is_excluded, members) in [
            (ContactFilter::All, true, Members::Nobody),
            (And(vec![]), true, Members::Nobody),
            (Or(vec![]), false, Members::Nobody),
            (ContactFilter::Words(vec![]), false, Members::Nobody),
            (And(vec![word("a"), word("b")]), false, words("(a INTERSECT b)")),
            (Or(vec![word("a"), word("b")]), false, words("(a UNION b)")),
            (And(vec![not(word("a")), word("b")]), false, words("(b EXCEPT a)")),
            (not(word("a")), true, words("a")),
            (Or(vec![word("a"), not(word("b"))]), true, words("(b EXCEPT a)")),
            (And(vec![not(word("a")), not(word("b"))]), true, words("(a UNION b)")),
            (not(Or(vec![not(word("a")), not(ContactFilter::Anonymous)])), false, words("(a INTERSECT anonymous)")),
            (ids(), false, sql("i [1, 2]")),
            (
                And(vec![ids(), word("a")]),
                false,
                sql("SELECT contact FROM (i [1, 2]) AS one INTERSECT SELECT contact FROM (w a) AS other"),
            ),
            (And(vec![word("a"), ContactFilter::Ids(vec![])]), false, Members::Nobody),
            (Or(vec![word("a"), not(ContactFilter::Ids(vec![]))]), true, Members::Nobody),
            (
                And(vec![ids(), ContactFilter::Ids(vec![])]),
                false,
                sql("SELECT contact FROM (i [1, 2]) AS one INTERSECT SELECT contact FROM (i []) AS other"),
            ),
        ] {
            let ContactSet { members: found, is_excluded: excluded } = set_of(&filter, &mut Plain);
            assert_eq!((excluded, found), (is_excluded, members), "{filter:?}");
        }
    }
}
