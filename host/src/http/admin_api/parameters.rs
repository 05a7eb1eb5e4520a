//! The parameters in the query of an operator's request.

use std::str::FromStr;

use hyper::Uri;

use super::route::AdminRoute;
use crate::http::problem::Problem;

/// The parameters of a call, each with its value.
///
/// A parameter that the call does not have is refused, and so is a switch that is neither on nor off: an operator who wrote
/// `dryRun=1` wants nothing changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Parses the query of a request for `route`.
    ///
    /// # Errors
    /// 400 if a parameter is there twice, or is none of the call.
    pub(super) fn parse(uri: &Uri, route: &AdminRoute) -> Result<Self, Problem> {
        let names = route.parameters();
        let mut parsed: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if !names.contains(&name.as_ref()) {
                let known = match names {
                    [] => String::from("It has none."),
                    [only] => format!("Use {only}."),
                    [most @ .., last] => format!("Use {} or {last}.", most.join(", ")),
                };
                return Err(Problem::bad_request(format!("'{name}' is no parameter of this call. {known}")));
            }
            if parsed.iter().any(|(other, _)| *other == name) {
                return Err(Problem::bad_request(format!("'{name}' is there twice. Send it once.")));
            }
            parsed.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(parsed))
    }

    /// Returns the value of a parameter, if it is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// Returns a whole number, if it is there and not empty.
    ///
    /// # Errors
    /// 400 if it is none, or beyond what the call can take.
    pub(super) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Problem> {
        let wrong = |_| Problem::bad_request(format!("{name} must be a whole number."));
        self.text(name).map(str::parse).transpose().map_err(wrong)
    }

    /// Returns whether a switch is on. It is off if it is not there.
    ///
    /// # Errors
    /// 400 if its value is neither `true` nor `false`.
    pub(super) fn is_on(&self, name: &str) -> Result<bool, Problem> {
        match self.value(name) {
            Some("true") => Ok(true),
            Some("false") | None => Ok(false),
            Some(other) => Err(Problem::bad_request(format!(
                "'{name}' must be true or false, not '{other}'. Nothing was changed."
            ))),
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{AdminRoute, Parameters};

    fn parse(query: &str) -> Result<Parameters, String> {
        let uri = format!("/admin/tenants/acme{query}").parse().unwrap();
        let route = AdminRoute::ChangeTenant(String::from("acme"));
        Parameters::parse(&uri, &route).map_err(|problem| problem.message().to_owned())
    }

    #[test]
    fn a_switch_is_on_or_off_and_nothing_else() {
        for (query, expected) in [("", false), ("?", false), ("?dryRun=true", true), ("?dryRun=false", false)] {
            assert_eq!(parse(query).unwrap().is_on("dryRun").unwrap(), expected, "{query}");
        }
        for query in ["?dryRun", "?dryRun=", "?dryRun=1", "?dryRun=TRUE", "?dryRun=yes"] {
            assert!(parse(query).unwrap().is_on("dryRun").is_err(), "{query}");
        }
    }

    #[test]
    fn a_number_is_whole_and_nothing_else() {
        let parse = |query: &str| {
            let uri = format!("/admin/audit?{query}").parse().unwrap();
            Parameters::parse(&uri, &AdminRoute::ListAudit).unwrap().number::<u32>("limit")
        };
        for (query, expected) in [("", None), ("limit=", None), ("limit=0", Some(0)), ("limit=12", Some(12))] {
            assert_eq!(parse(query).unwrap(), expected, "{query}");
        }
        for query in ["limit=x", "limit=-1", "limit=1.0", "limit=4294967296", "limit=%201"] {
            assert_eq!(parse(query).unwrap_err().message(), "limit must be a whole number.", "{query}");
        }
    }

    #[test]
    fn other_parameters_and_repeated_ones_are_refused() {
        for query in ["?dryrun=true", "?dry_run=true", "?force=true", "?foo", "?dryRun=true&dryRun=false"] {
            assert!(parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn the_parameters_of_a_call_are_listed() {
        for (route, expected) in [
            (AdminRoute::ListTenants, "It has none."),
            (AdminRoute::ChangeTenant(String::from("acme")), "Use dryRun."),
            (AdminRoute::ListJobs(String::from("acme")), "Use unfinished or limit."),
            (AdminRoute::ListAllJobs, "Use status, operation, createdAfter, createdBefore, limit or after."),
        ] {
            let refused = Parameters::parse(&"/admin/x?nonsense=1".parse().unwrap(), &route).unwrap_err();
            let expected = format!("'nonsense' is no parameter of this call. {expected}");
            assert_eq!(refused.message(), expected);
        }
    }
}
