//! Reads the query of `GET /api/contacts`. Filters that cannot be answered are refused, so that no client mistakes an unfiltered
//! list for a filtered one.

use super::list_conditions::{ListedOrder, Where};
use super::problem::Problem;
use super::query::parameters;
use super::table_parameters;
use crate::domain::Search;
use crate::export::TableStyle;
use crate::jobs::{ListCondition, ListRequest};
use crate::store::ContactOrder;

/// Contacts per page, unless the client asks for another number. The number is Mautic's.
const DEFAULT_LIMIT: u32 = 30;
/// Contacts per page at most.
const MAX_LIMIT: u32 = 1_000;
/// Conditions in one query, besides the search.
const MAX_CONDITIONS: usize = 16;
/// Parameters that change nothing here: they choose what Mautic shows of a contact, and keep caches from answering.
const WITHOUT_EFFECT: [&str; 4] = ["select", "minimal", "publishedOnly", "_"];

/// Reads a query. The defaults are Mautic's: all contacts, the last active first. A parameter without a value is as if it were
/// not there.
///
/// # Errors
/// 400 for what cannot be answered, for a parameter that the list does not have, and for one that is there twice.
pub(super) fn parse(query: Option<&str>) -> Result<ListRequest, Problem> {
    let (mut start, mut limit, mut order, mut direction) = (0, DEFAULT_LIMIT, None, None);
    let mut search = None;
    let (mut wheres, mut listed_order) = (Where::default(), ListedOrder::default());
    for (name, value) in &parameters(query)? {
        let value = value.as_str();
        match name.as_ref() {
            "search" => search = Search::parse(value)?,
            "start" => start = number("start", value, 0, u32::MAX)?,
            "limit" => limit = number("limit", value, 1, MAX_LIMIT)?,
            "orderBy" => order = Some(contact_order(value)?),
            "orderByDir" => direction = Some(is_descending("orderByDir", value)?),
            name if WITHOUT_EFFECT.contains(&name) || name.starts_with("select[") => {}
            name if name.starts_with("where[") => wheres.add(name, value)?,
            name if name.starts_with("order[") => listed_order.add(name, value)?,
            name @ ("excel" | "delimiter") => {
                return Err(Problem::bad_request(format!(
                    "'{name}' is for a table of contacts. Ask for one with 'Accept: text/csv', or leave '{name}' out."
                )));
            }
            // Among them are filters of Mautic's other lists, and the aliases of fields.
            name => {
                return Err(Problem::bad_request(format!(
                    "'{name}' is no parameter of this list. Use search, start, limit, orderBy, orderByDir, where[…] and order[…]; a unique field can be searched for, such as 'search=email:ada@example.com'."
                )));
            }
        }
    }
    let mut conditions = wheres.into_conditions()?;
    if conditions.len() > MAX_CONDITIONS {
        return Err(Problem::bad_request(format!("A list can have at most {MAX_CONDITIONS} conditions.")));
    }
    conditions.extend(search.map(ListCondition::Search));
    if let Some((listed, is_descending)) = listed_order.into_order()? {
        if order.replace(listed).is_some() || (direction.is_some() && is_descending.is_some()) {
            return Err(Problem::bad_request("The list is ordered by 'orderBy' and by 'order[…]'; send one of them."));
        }
        direction = direction.or(Some(is_descending.unwrap_or(false)));
    }
    let descending = direction.unwrap_or(order.is_none());
    Ok(ListRequest { conditions, order: order.unwrap_or(ContactOrder::Sort), descending, start, limit })
}

/// Reads the query of a list that is sent as a file: what all its contacts meet, and how a table is written.
///
/// # Errors
/// 400 as for a list, and if the query asks for a part of the list or for an order.
pub(super) fn parse_file(query: Option<&str>) -> Result<(Vec<ListCondition>, TableStyle), Problem> {
    let mut style = TableStyle::default();
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if !table_parameters::add(&mut style, &name, &value)? {
            other.push((name, value));
        } else if own.contains(&name) {
            return Err(Problem::repeated_parameter(&name));
        } else {
            own.push(name);
        }
    }
    let paged = ["start", "limit", "orderBy", "orderByDir"];
    let is_paged = |name: &str| paged.contains(&name) || name.starts_with("order[");
    if let Some((name, _)) = other.iter().find(|(name, value)| is_paged(name) && !value.trim().is_empty()) {
        return Err(Problem::bad_request(format!(
            "'{name}' is for a page of a list, and a file has the whole list. Leave it out, or ask for JSON."
        )));
    }
    let rest = form_urlencoded::Serializer::new(String::new()).extend_pairs(other).finish();
    Ok((parse(Some(&rest))?.conditions, style))
}

fn number(name: &str, text: &str, least: u32, most: u32) -> Result<u32, Problem> {
    text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Problem::bad_request(format!("'{name}' must be a whole number from {least} to {most}, not '{text}'."))
    })
}

/// Reads what a list is ordered by. Mautic's names may begin with the alias of its table.
pub(super) fn contact_order(text: &str) -> Result<ContactOrder, Problem> {
    match text.strip_prefix("l.").unwrap_or(text) {
        "id" | "date_added" | "dateAdded" => Ok(ContactOrder::Id),
        "date_modified" | "dateModified" => Ok(ContactOrder::Changed),
        "last_active" | "lastActive" => Ok(ContactOrder::Sort),
        _ => Err(Problem::bad_request(format!(
            "Contacts cannot be ordered by '{text}', only by id, date_added, date_modified or last_active."
        ))),
    }
}

/// Reads a direction.
pub(super) fn is_descending(name: &str, text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Problem::bad_request(format!("'{name}' must be 'asc' or 'desc', not '{text}'."))),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::domain::Search;
    use crate::jobs::ListCondition;
    use crate::store::ContactOrder::{Changed, Id, Sort};

    fn search(text: &str) -> ListCondition {
        ListCondition::Search(Search::parse(text).unwrap().unwrap())
    }

    fn parameter(name: &str, search: &str) -> ListCondition {
        ListCondition::Parameter { name: name.to_owned(), search: Search::parse(search).unwrap().unwrap() }
    }

    #[test]
    fn queries_mean_what_they_mean_in_mautic() {
        for (query, conditions, order, descending, start, limit) in [
            ("", vec![] as Vec<ListCondition>, Sort, true, 0, 30),
            (
                "search=&start=&limit=&orderBy=&orderByDir=&where[0][col]=&order[0][col]=&city=&foo",
                vec![],
                Sort,
                true,
                0,
                30,
            ),
            ("search=+", vec![], Sort, true, 0, 30),
            ("search=email:a%40b.co", vec![search("email:a@b.co")], Sort, true, 0, 30),
            ("search=ids:1,2,+3&limit=5", vec![search("ids:1,2,3")], Sort, true, 0, 5),
            ("search=ada+OR+-love&start=10", vec![search("ada OR -love")], Sort, true, 10, 30),
            ("orderBy=id", vec![], Id, false, 0, 30),
            ("orderByDir=DESC&orderBy=l.date_modified", vec![], Changed, true, 0, 30),
            ("orderByDir=asc", vec![], Sort, false, 0, 30),
            ("select=id&select[]=email&minimal=1&publishedOnly=1&_=17", vec![], Sort, true, 0, 30),
            (
                "where[0][col]=id&where[0][expr]=eq&where[0][val]=7&search=ada",
                vec![parameter("where[0][col]=id", "ids:7"), search("ada")],
                Sort,
                true,
                0,
                30,
            ),
            ("order[0][col]=id", vec![], Id, false, 0, 30),
            ("order[0][col]=dateModified&order[0][dir]=DESC", vec![], Changed, true, 0, 30),
        ] {
            let request = parse(Some(query)).unwrap();
            assert_eq!(request.conditions, conditions, "{query}");
            assert_eq!((request.order, request.descending), (order, descending), "{query}");
            assert_eq!((request.start, request.limit), (start, limit), "{query}");
        }
    }

    #[test]
    fn unsupported_queries_are_refused_by_name() {
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=x", "limit"),
            ("start=-1", "start"),
            ("orderBy=email", "email"),
            ("orderByDir=up", "orderByDir"),
            ("order[0][col]=email", "email"),
            ("order[0][dir]=desc", "order[0]"),
            ("order[0][col]=id&order[1][col]=date_modified", "order"),
            ("order[0][col]=id&order[0][dir]=up", "order[0][dir]"),
            ("order[0][x]=id", "order[0][x]"),
            ("order[]=id", "order[]"),
            ("orderBy=id&order[0][col]=id", "orderBy"),
            ("search=%25ada", "%ada"),
            ("search=ids:x", "ids:x"),
            ("search=a&search=b", "'search' is there twice"),
            ("limit=1&limit=1", "'limit' is there twice"),
            ("orderBy=id&%6FrderBy=id", "'orderBy' is there twice"),
            ("orderByDir=asc&order[0][col]=id&order[0][dir]=desc", "orderBy"),
            ("order[0][col]=id&order[00][col]=dateModified", "order[00][col]"),
            ("search[]=ada", "search[]"),
            ("where=email", "where"),
            ("email=a@b.co", "email"),
            ("filter[email]=a@b.co", "filter[email]"),
            ("filter=email", "filter"),
            ("filter[]=email", "filter[]"),
            ("filter[a][b]=x", "filter[a][b]"),
            ("id=x", "id"),
            ("a b=x", "a b"),
        ] {
            let message = parse(Some(query)).unwrap_err().message().to_owned();
            assert!(message.contains(name), "{query}: {message}");
        }
        let wheres: String = (0..17)
            .map(|number| format!("where[{number}][col]=id&where[{number}][expr]=gt&where[{number}][val]=1&"))
            .collect();
        assert!(parse(Some(&wheres)).is_err());
    }
}
