//! Reads `where[…]` and `order[…]`. Only what has an index is answered.

use std::collections::BTreeMap;

use super::list_query::{contact_order, is_descending};
use super::problem::Problem;
use crate::domain::{Comparison, ContactId, FieldTerm, Search, Timestamp};
use crate::jobs::{ListCondition, ListRange};
use crate::store::ContactOrder;

/// Values in one list of ids.
const MAX_IDS: usize = 1_000;
/// Values in one list of a field's values. Each is looked up.
const MAX_VALUES: usize = 32;
/// Ids and times as the clients write them have whole seconds.
const SECOND_MICROS: i64 = 1_000_000;

fn is_alias(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn exact(alias: &str, value: &str) -> Search {
    field(alias, value, Comparison::Exact)
}

fn field(alias: &str, value: &str, comparison: Comparison) -> Search {
    Search::Field(FieldTerm { alias: alias.to_owned(), value: value.to_owned(), comparison })
}

fn ids(name: &str, values: &[&str]) -> Result<Vec<ContactId>, Problem> {
    let ids: Option<Vec<ContactId>> = values.iter().map(|id| id.parse().ok().map(ContactId)).collect();
    ids.filter(|ids| (1..=MAX_IDS).contains(&ids.len()))
        .ok_or_else(|| Problem::bad_request(format!("'{name}' needs 1 to {MAX_IDS} ids, which are whole numbers.")))
}

/// The entries of `where[…]`, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Where(BTreeMap<u32, WhereEntry>);

#[derive(Debug, Default)]
struct WhereEntry {
    col: Option<String>,
    expr: Option<String>,
    values: Vec<String>,
    /// Whether the values are those of a list, such as `val][]`.
    has_list: bool,
}

impl Where {
    /// Adds a parameter, such as `where[0][col]`.
    ///
    /// # Errors
    /// 400 if the name is not that of a member of an entry, or the entry has the member already.
    pub(super) fn add(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let unknown =
            || Problem::bad_request(format!("'{name}' is not supported. Use where[0][col], [expr] and [val]."));
        let (number, member) = entry(name, "where[").ok_or_else(unknown)?;
        let entry = self.0.entry(number).or_default();
        let is_first = match member {
            "col]" => entry.col.replace(value.strip_prefix("l.").unwrap_or(value).to_owned()).is_none(),
            "expr]" => entry.expr.replace(value.to_owned()).is_none(),
            "val]" => {
                entry.values.push(value.to_owned());
                entry.values.len() == 1
            }
            member if is_list_member(member) => {
                let is_first = entry.values.is_empty() || entry.has_list;
                entry.values.push(value.to_owned());
                entry.has_list = true;
                is_first
            }
            _ => return Err(unknown()),
        };
        // The number of an entry can be written in several ways.
        if is_first { Ok(()) } else { Err(Problem::repeated_parameter(name)) }
    }

    /// Returns the conditions, all of which a contact must meet.
    ///
    /// # Errors
    /// 400 if an entry is incomplete, or there is no index for it.
    pub(super) fn into_conditions(self) -> Result<Vec<ListCondition>, Problem> {
        self.0.into_iter().map(|(number, entry)| entry.into_condition(number)).collect()
    }
}

/// Returns the number of an entry, and what is behind it: `col]` of `where[0][col]`.
fn entry<'a>(name: &'a str, start: &str) -> Option<(u32, &'a str)> {
    let (number, member) = name.strip_prefix(start)?.split_once("][")?;
    Some((number.parse().ok()?, member))
}

/// Returns whether a member is an element of a list of values: `val][]` or `val][0]`.
fn is_list_member(member: &str) -> bool {
    let number = member.strip_prefix("val][").and_then(|rest| rest.strip_suffix(']'));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

impl WhereEntry {
    fn into_condition(self, number: u32) -> Result<ListCondition, Problem> {
        let Self { col: Some(col), expr: Some(expr), values, .. } = self else {
            return Err(Problem::bad_request(format!("where[{number}] needs a col, an expr and a val.")));
        };
        let name = format!("where[{number}][col]={col}");
        let value = values.first().ok_or_else(|| Problem::bad_request(format!("where[{number}] needs a val.")))?;
        let unsupported = || {
            Problem::bad_request(format!(
                "where[{number}]: '{col}' cannot be compared by '{expr}'. id takes eq, neq, in, notIn, lt, lte, gt and gte; dateModified takes eq, lt, lte, gt and gte; unique fields take eq, neq, in, notIn, and like with % at the end."
            ))
        };
        match col.as_str() {
            "id" => {
                let is_list = matches!(expr.as_str(), "eq" | "neq" | "in" | "notIn");
                if is_list {
                    let ids = ids(&name, &listed(&expr, &values))?;
                    return Ok(ListCondition::Parameter { name, search: negated(&expr, Search::Ids(ids)) });
                }
                let ids = ids(&name, &[value.as_str()])?;
                let id = ids.first().map_or(i64::MAX, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
                range(&expr, id, 1).map(ListCondition::Ids).ok_or_else(unsupported)
            }
            "dateModified" | "date_modified" => {
                let time = Timestamp::parse(value).ok_or_else(|| {
                    Problem::bad_request(format!(
                        "where[{number}][val] must be a time such as '2024-05-06 07:08:09', which is in UTC, not '{value}'."
                    ))
                })?;
                let second = time.0.saturating_sub(time.0.rem_euclid(SECOND_MICROS));
                range(&expr, second, SECOND_MICROS).map(ListCondition::Changed).ok_or_else(unsupported)
            }
            alias if is_alias(alias) => {
                let search = match expr.as_str() {
                    "eq" | "neq" | "in" | "notIn" => {
                        let values = listed(&expr, &values);
                        if values.is_empty() || values.len() > MAX_VALUES {
                            return Err(Problem::bad_request(format!("'{name}' needs 1 to {MAX_VALUES} values.")));
                        }
                        negated(&expr, Search::Or(values.iter().map(|value| exact(alias, value)).collect()))
                    }
                    "like" => match value.strip_suffix('%') {
                        Some(start) if !start.is_empty() && !start.contains('%') => {
                            field(alias, start, Comparison::Beginning)
                        }
                        _ => return Err(unsupported()),
                    },
                    _ => return Err(unsupported()),
                };
                Ok(ListCondition::Parameter { name, search })
            }
            _ => Err(unsupported()),
        }
    }
}

/// Returns the values of a comparison. Those of `in` may be one text with commas, as in Mautic.
fn listed<'a>(expr: &str, values: &'a [String]) -> Vec<&'a str> {
    match values {
        [one] if matches!(expr, "in" | "notIn") => {
            one.split(',').map(str::trim).filter(|value| !value.is_empty()).collect()
        }
        values => values.iter().map(String::as_str).collect(),
    }
}

fn negated(expr: &str, search: Search) -> Search {
    if matches!(expr, "neq" | "notIn") { Search::Not(Box::new(search)) } else { search }
}

/// Returns the range that a comparison with a value means, of which the next is `step` away.
fn range(expr: &str, value: i64, step: i64) -> Option<ListRange> {
    let (below, above) = (value.saturating_sub(1), value.saturating_add(step));
    let (from, to) = match expr {
        "eq" => (value, above.saturating_sub(1)),
        "lt" => (i64::MIN, below),
        "lte" => (i64::MIN, above.saturating_sub(1)),
        "gt" => (above, i64::MAX),
        "gte" => (value, i64::MAX),
        _ => return None,
    };
    Some(ListRange { from, to })
}

/// The entries of `order[…]`, by their numbers.
#[derive(Debug, Default)]
pub(super) struct ListedOrder(BTreeMap<u32, (Option<ContactOrder>, Option<bool>)>);

impl ListedOrder {
    /// Adds a parameter, such as `order[0][col]`.
    ///
    /// # Errors
    /// 400 if the name is not that of a member of an entry, there is no such order, or the entry has the member already.
    pub(super) fn add(&mut self, name: &str, value: &str) -> Result<(), Problem> {
        let unknown =
            || Problem::bad_request(format!("'{name}' is not supported. Use order[0][col] and order[0][dir]."));
        let (number, member) = entry(name, "order[").ok_or_else(unknown)?;
        let entry = self.0.entry(number).or_default();
        let is_first = match member {
            "col]" => entry.0.replace(contact_order(value)?).is_none(),
            "dir]" => entry.1.replace(is_descending(name, value)?).is_none(),
            _ => return Err(unknown()),
        };
        if is_first { Ok(()) } else { Err(Problem::repeated_parameter(name)) }
    }

    /// Returns the order, and whether it is reversed if the entry says so, if there is an entry.
    ///
    /// # Errors
    /// 400 if an entry is incomplete, or there are several.
    pub(super) fn into_order(self) -> Result<Option<(ContactOrder, Option<bool>)>, Problem> {
        if self.0.len() > 1 {
            return Err(Problem::bad_request("A list can be ordered by one column alone; send one 'order[…]'."));
        }
        self.0
            .into_iter()
            .next()
            .map(|(number, (order, is_descending))| {
                let order = order.ok_or_else(|| Problem::bad_request(format!("order[{number}] needs a col.")))?;
                Ok((order, is_descending))
            })
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::Where;
    use crate::domain::Search;
    use crate::jobs::{ListCondition, ListRange};

    fn read(query: &str) -> Result<Vec<ListCondition>, String> {
        let mut wheres = Where::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            wheres.add(&name, &value).map_err(|problem| problem.message().to_owned())?;
        }
        wheres.into_conditions().map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn conditions_with_an_index_are_read() {
        let second = 1_714_979_289_000_000; // 2024-05-06 07:08:09
        let ids = |from, to| ListCondition::Ids(ListRange { from, to });
        let changed = |from, to| ListCondition::Changed(ListRange { from, to });
        let parameter = |name: &str, search: &str| ListCondition::Parameter {
            name: name.to_owned(),
            search: Search::parse(search).unwrap().unwrap(),
        };
        let or = |name: &str, searches: &[&str]| ListCondition::Parameter {
            name: name.to_owned(),
            search: Search::Or(searches.iter().map(|search| Search::parse(search).unwrap().unwrap()).collect()),
        };
        for (query, expected) in [
            ("where[0][col]=id&where[0][expr]=eq&where[0][val]=7", parameter("where[0][col]=id", "ids:7")),
            ("where[0][col]=l.id&where[0][expr]=neq&where[0][val]=7", parameter("where[0][col]=id", "-ids:7")),
            ("where[0][col]=id&where[0][expr]=in&where[0][val]=7,8", parameter("where[0][col]=id", "ids:7,8")),
            (
                "where[0][col]=id&where[0][expr]=in&where[0][val][]=7&where[0][val][]=8",
                parameter("where[0][col]=id", "ids:7,8"),
            ),
            ("where[0][col]=id&where[0][expr]=notIn&where[0][val][0]=7", parameter("where[0][col]=id", "-ids:7")),
            ("where[0][col]=id&where[0][expr]=lt&where[0][val]=7", ids(i64::MIN, 6)),
            ("where[0][col]=id&where[0][expr]=lte&where[0][val]=7", ids(i64::MIN, 7)),
            ("where[0][col]=id&where[0][expr]=gt&where[0][val]=7", ids(8, i64::MAX)),
            ("where[0][col]=id&where[0][expr]=gte&where[0][val]=7", ids(7, i64::MAX)),
            (
                "where[0][col]=dateModified&where[0][expr]=gte&where[0][val]=2024-05-06 07:08:09",
                changed(second, i64::MAX),
            ),
            (
                "where[0][col]=date_modified&where[0][expr]=gt&where[0][val]=2024-05-06T07:08:09Z",
                changed(second + 1_000_000, i64::MAX),
            ),
            (
                "where[0][col]=dateModified&where[0][expr]=lte&where[0][val]=2024-05-06T09:08:09%2B02:00",
                changed(i64::MIN, second + 999_999),
            ),
            (
                "where[0][col]=dateModified&where[0][expr]=lt&where[0][val]=2024-05-06 07:08:09",
                changed(i64::MIN, second - 1),
            ),
            (
                "where[3][col]=email&where[3][expr]=eq&where[3][val]=a@b.co",
                or("where[3][col]=email", &["email:+a@b.co"]),
            ),
            ("where[0][col]=no&where[0][expr]=in&where[0][val]=1, 2", or("where[0][col]=no", &["no:+1", "no:+2"])),
            (
                "where[0][col]=email&where[0][expr]=like&where[0][val]=ada%25",
                parameter("where[0][col]=email", "email:ada%"),
            ),
        ] {
            assert_eq!(read(query), Ok(vec![expected]), "{query}");
        }
    }

    #[test]
    fn what_has_no_index_is_refused_by_name() {
        for (query, part) in [
            ("where[0][col]=email", "where[0]"),
            ("where[0][col]=email&where[0][expr]=eq", "where[0]"),
            ("where[0][col]=email&where[0][expr]=isNull&where[0][val]=1", "isNull"),
            ("where[0][col]=email&where[0][expr]=like&where[0][val]=%25ada%25", "like"),
            ("where[0][col]=email&where[0][expr]=like&where[0][val]=ada", "like"),
            ("where[0][col]=email&where[0][expr]=gt&where[0][val]=a", "gt"),
            ("where[0][col]=id&where[0][expr]=like&where[0][val]=1", "like"),
            ("where[0][col]=id&where[0][expr]=eq&where[0][val]=x", "id"),
            ("where[0][col]=dateModified&where[0][expr]=gt&where[0][val]=yesterday", "yesterday"),
            ("where[0][expr]=orX&where[0][val][0][col]=email", "where[0][val][0][col]"),
            ("where[][col]=email", "where[][col]"),
            ("where[x][col]=email", "where[x][col]"),
            ("where[0]=email", "where[0]"),
            ("where[0][col]=id&where[00][col]=email", "where[00][col]"),
            ("where[0][expr]=eq&where[0][expr]=neq", "where[0][expr]"),
            ("where[0][val]=1&where[0][val]=2", "where[0][val]"),
            ("where[0][val]=1&where[0][val][]=2", "where[0][val][]"),
            ("where[0][val][]=1&where[0][val]=2", "where[0][val]"),
        ] {
            let message = read(query).unwrap_err();
            assert!(message.contains(part), "{query}: {message}");
        }
    }
}
