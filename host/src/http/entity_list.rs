//! Lists of what a tenant's profile or catalogue has: which part of a list a client asks for, and what all entries have.

use serde::Serialize;

use super::problem::Problem;
use super::query::parameters;

/// Entries per page, unless the client asks for another number. The number is Mautic's.
const DEFAULT_LIMIT: usize = 30;
/// Entries per page at most.
const MAX_LIMIT: usize = 1_000;

/// The query of a request for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntityQuery {
    start: usize,
    limit: Option<usize>,
    by_id: bool,
    descending: bool,
}

impl EntityQuery {
    /// Reads a query. A parameter without a value is as if it were not there.
    ///
    /// # Errors
    /// 400 for a number out of range, for a filter or an order that these lists do not have, and for a parameter that is there
    /// twice, so that no client takes the list for another.
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut parsed = Self { start: 0, limit: None, by_id: false, descending: false };
        for (name, value) in parameters(query)? {
            match name.as_ref() {
                "start" => parsed.start = number("start", &value, 0, u32::MAX as usize)?,
                "limit" => parsed.limit = Some(number("limit", &value, 1, MAX_LIMIT)?),
                "orderBy" => {
                    // Mautic's names may begin with the alias of a table.
                    let column = value.rsplit_once('.').map_or(value.as_str(), |(_, column)| column);
                    if column != "id" {
                        return Err(Problem::bad_request(format!(
                            "This list cannot be ordered by '{value}', only by id."
                        )));
                    }
                    parsed.by_id = true;
                }
                "orderByDir" => match value.to_ascii_lowercase().as_str() {
                    "asc" => parsed.descending = false,
                    "desc" => parsed.descending = true,
                    _ => {
                        return Err(Problem::bad_request(format!(
                            "'orderByDir' must be 'asc' or 'desc', not '{value}'."
                        )));
                    }
                },
                name if is_filter(name) => {
                    return Err(Problem::bad_request(format!("'{name}' is not supported for this list.")));
                }
                _ => {}
            }
        }
        Ok(parsed)
    }

    /// Returns a page of a list, with its default number of entries unless the client asked for another.
    pub(super) fn page<T>(&self, entries: impl IntoIterator<Item = T>, id: impl Fn(&T) -> u64) -> Vec<T> {
        self.part(entries, id, DEFAULT_LIMIT)
    }

    /// Returns a whole list, or the part of it that the client asked for.
    pub(super) fn whole<T>(&self, entries: impl IntoIterator<Item = T>, id: impl Fn(&T) -> u64) -> Vec<T> {
        self.part(entries, id, usize::MAX)
    }

    fn part<T>(&self, entries: impl IntoIterator<Item = T>, id: impl Fn(&T) -> u64, limit: usize) -> Vec<T> {
        let mut entries: Vec<T> = entries.into_iter().collect();
        if self.by_id {
            entries.sort_by_key(id);
        }
        if self.descending {
            entries.reverse();
        }
        entries.into_iter().skip(self.start).take(self.limit.unwrap_or(limit)).collect()
    }
}

/// Returns whether a parameter would leave out or reorder entries in Mautic.
fn is_filter(name: &str) -> bool {
    let root = name.split('[').next().unwrap_or_default();
    matches!(root, "search" | "where" | "order" | "filter" | "ids")
}

fn number(name: &str, text: &str, least: usize, most: usize) -> Result<usize, Problem> {
    text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Problem::bad_request(format!("'{name}' must be a whole number from {least} to {most}, not '{text}'."))
    })
}

/// What Mautic tells about the making of each entry. A profile says nothing of that.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Origin {
    date_added: (),
    date_modified: (),
    created_by: (),
    created_by_user: (),
    modified_by: (),
    modified_by_user: (),
}

#[cfg(test)]
mod tests {
    use super::EntityQuery;

    fn listed(query: &str) -> Vec<u64> {
        EntityQuery::parse(Some(query)).unwrap().whole([3, 1, 2], |id| *id)
    }

    #[test]
    fn a_query_names_a_part_of_a_list() {
        for (query, expected) in [
            ("", &[3, 1, 2][..]),
            ("start=&limit=&orderBy=&search=&where[0][col]=", &[3, 1, 2]),
            ("limit=2", &[3, 1]),
            ("start=1&limit=1", &[1]),
            ("start=7", &[]),
            ("orderBy=s.id", &[1, 2, 3]),
            ("orderBy=id&orderByDir=DESC", &[3, 2, 1]),
            ("orderByDir=desc", &[2, 1, 3]),
            ("publishedOnly=1&minimal=1", &[3, 1, 2]),
        ] {
            assert_eq!(listed(query), expected, "{query}");
        }
        assert_eq!(EntityQuery::parse(None).unwrap().page(0..100, |id| *id).len(), 30);
    }

    #[test]
    fn filters_and_wrong_numbers_are_refused() {
        for query in [
            "limit=0",
            "limit=1001",
            "start=-1",
            "orderBy=name",
            "orderByDir=up",
            "search=ada",
            "search[]=ada",
            "where[0][col]=id",
            "order[0][col]=id",
            "filter=ada",
            "limit=1&limit=2",
            "start=0&start=0",
        ] {
            assert!(EntityQuery::parse(Some(query)).is_err(), "{query}");
        }
    }
}
