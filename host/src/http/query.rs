//! The query of a client's request.

use std::borrow::Cow;
use std::collections::HashSet;

use super::problem::Problem;

/// The parameters without which calls that have none would be misunderstood: in other calls and in Mautic, they choose what a
/// call is about.
const CHOOSING: [&str; 5] = ["search", "where", "order", "filter", "ids"];

/// A parameter: its name, and its value without blanks around it.
pub(super) type Parameter<'a> = (Cow<'a, str>, String);

/// Reads the parameters of a query, in order. A parameter without a value is as if it were not there.
///
/// # Errors
/// 400 if a parameter is there twice, unless its name ends in `[]`: a client must not take the answer for that to the other
/// value.
pub(super) fn parameters(query: Option<&str>) -> Result<Vec<Parameter<'_>>, Problem> {
    let (mut parameters, mut names) = (Vec::new(), HashSet::new());
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        if !name.ends_with("[]") && !names.insert(name.clone()) {
            return Err(Problem::repeated_parameter(&name));
        }
        parameters.push((name, value.to_owned()));
    }
    Ok(parameters)
}

/// Checks the query of a call that has no parameters. Most others are ignored, as in Mautic, where some clients send them with
/// every call.
///
/// # Errors
/// 400 for a parameter that would choose what another call is about, and for one of `members`, which belong into the body.
pub(super) fn refuse_parameters(query: Option<&str>, members: &[&str]) -> Result<(), Problem> {
    for (name, _) in parameters(query)? {
        let root = name.split('[').next().unwrap_or_default();
        if CHOOSING.contains(&root) {
            return Err(Problem::bad_request(format!("'{name}' is no parameter of this call. Nothing was changed.")));
        }
        if members.contains(&&*name) {
            return Err(Problem::bad_request(format!(
                "'{name}' is not taken from the URL. Nothing was changed. Send it in the body."
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{parameters, refuse_parameters};

    #[test]
    fn parameters_are_read_in_order_without_those_that_have_no_value() {
        for (query, expected) in [
            ("", &[][..]),
            ("a=1&b=+2+&c=&d&a=", &[("a", "1"), ("b", "2")]),
            ("a=&a=1", &[("a", "1")]),
            ("a[]=1&a[]=1&a%5B%5D=2", &[("a[]", "1"), ("a[]", "1"), ("a[]", "2")]),
            ("a[0]=1&a[1]=1", &[("a[0]", "1"), ("a[1]", "1")]),
        ] {
            let read = parameters(Some(query)).unwrap();
            let read: Vec<(&str, &str)> = read.iter().map(|(name, value)| (&**name, value.as_str())).collect();
            assert_eq!(read, expected, "{query}");
        }
        assert!(parameters(None).unwrap().is_empty());
    }

    #[test]
    fn repeated_parameters_are_refused_by_name() {
        for (query, name) in [
            ("limit=1&limit=2", "limit"),
            ("a=1&b=1&%61=1", "a"),
            ("where[0][col]=a&where%5B0%5D[col]=b", "where[0][col]"),
        ] {
            let message = parameters(Some(query)).unwrap_err().message().to_owned();
            assert!(message.contains(&format!("'{name}'")), "{query}: {message}");
        }
    }

    #[test]
    fn a_call_without_parameters_ignores_what_chooses_nothing() {
        for query in ["", "a=1", "search=", "_=17", "limit=5", "idsx=1"] {
            assert!(refuse_parameters(Some(query), &["reason"]).is_ok(), "{query}");
        }
        for query in ["search=a", "where[0][col]=a", "order[]=a", "filter=a", "ids=1", "ids[]=1", "reason=1", "a=1&a=2"]
        {
            assert!(refuse_parameters(Some(query), &["reason"]).is_err(), "{query}");
        }
    }
}
