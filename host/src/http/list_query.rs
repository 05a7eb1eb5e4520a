//! Reads the query of `GET /api/contacts`. Filters that Mautic knows and this server does not are refused, so that no client
//! mistakes an unfiltered list for a filtered one.

use super::problem::Problem;
use crate::domain::Search;
use crate::jobs::ListRequest;
use crate::store::ContactOrder;

/// Contacts per page, unless the client asks for another number. The number is Mautic's.
const DEFAULT_LIMIT: u32 = 30;
/// Contacts per page at most.
const MAX_LIMIT: u32 = 1_000;

/// Reads a query. The defaults are Mautic's: all contacts, the last active first.
pub(super) fn parse(query: Option<&str>) -> Result<ListRequest, Problem> {
    let mut request =
        ListRequest { search: None, order: ContactOrder::Sort, descending: true, start: 0, limit: DEFAULT_LIMIT };
    let mut direction = None;
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "search" => request.search = Search::parse(&value)?,
            "start" => request.start = number("start", &value, 0, u32::MAX)?,
            "limit" => request.limit = number("limit", &value, 1, MAX_LIMIT)?,
            "orderBy" => {
                request.order = order(&value)?;
                request.descending = false;
            }
            "orderByDir" => direction = Some(is_descending(&value)?),
            // A client that filters must not get the unfiltered list.
            name if name.starts_with("where[") || name.starts_with("order[") => {
                return Err(Problem::bad_request(format!(
                    "'{name}' is not supported. Use 'search', 'orderBy' and 'orderByDir'."
                )));
            }
            _ => {}
        }
    }
    request.descending = direction.unwrap_or(request.descending);
    Ok(request)
}

fn number(name: &str, text: &str, least: u32, most: u32) -> Result<u32, Problem> {
    text.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        Problem::bad_request(format!("'{name}' must be a whole number from {least} to {most}, not '{text}'."))
    })
}

fn order(text: &str) -> Result<ContactOrder, Problem> {
    // Mautic's names may begin with the alias of its table.
    match text.strip_prefix("l.").unwrap_or(text) {
        "id" | "date_added" | "dateAdded" => Ok(ContactOrder::Id),
        "date_modified" | "dateModified" => Ok(ContactOrder::Changed),
        "last_active" | "lastActive" => Ok(ContactOrder::Sort),
        _ => Err(Problem::bad_request(format!(
            "Contacts cannot be ordered by '{text}', only by id, date_added, date_modified or last_active."
        ))),
    }
}

fn is_descending(text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Problem::bad_request(format!("'orderByDir' must be 'asc' or 'desc', not '{text}'."))),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::domain::Search;
    use crate::store::ContactOrder;

    #[test]
    fn queries_mean_what_they_mean_in_mautic() {
        let search = |text| Search::parse(text).unwrap();
        for (query, search, order, descending, start, limit) in [
            ("", None, ContactOrder::Sort, true, 0, 30),
            ("search=", None, ContactOrder::Sort, true, 0, 30),
            ("search=email:a%40b.co", search("email:a@b.co"), ContactOrder::Sort, true, 0, 30),
            ("search=ids:1,2,+3&limit=5", search("ids:1,2,3"), ContactOrder::Sort, true, 0, 5),
            ("search=ada+OR+-love&start=10", search("ada OR -love"), ContactOrder::Sort, true, 10, 30),
            ("orderBy=id", None, ContactOrder::Id, false, 0, 30),
            ("orderByDir=DESC&orderBy=l.date_modified", None, ContactOrder::Changed, true, 0, 30),
        ] {
            let request = parse(Some(query)).unwrap();
            assert_eq!(request.search, search, "{query}");
            assert_eq!((request.order, request.descending), (order, descending), "{query}");
            assert_eq!((request.start, request.limit), (start, limit), "{query}");
        }
    }

    #[test]
    fn unsupported_queries_are_refused() {
        for query in [
            "limit=0",
            "limit=1001",
            "limit=x",
            "start=-1",
            "orderBy=email",
            "orderByDir=up",
            "where[0][col]=email",
            "order[0][col]=email",
            "search=%25ada",
            "search=ids:x",
        ] {
            assert!(parse(Some(query)).is_err(), "{query}");
        }
    }
}
