//! The fields of a form that a page sent.

use std::collections::HashMap;

use crate::http::problem::Problem;

/// Fields of a form at most: those of a mapping of as many columns as a table may have, and the settings beside them.
const MAX_FIELDS: usize = 1_100;

/// The fields of a form, by their names.
#[derive(Debug, Default)]
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Reads a body or a query that is `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// 400 if there are too many fields, or two with one name.
    pub(super) fn read(text: &[u8]) -> Result<Self, Problem> {
        let mut fields = HashMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if fields.len() >= MAX_FIELDS {
                return Err(Problem::bad_request(format!("The form has more than {MAX_FIELDS} fields.")));
            }
            if fields.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Problem::repeated_parameter(&name));
            }
        }
        Ok(Self(fields))
    }

    /// Returns the fields of these names alone.
    pub(super) fn only(&self, names: &[&str]) -> Self {
        let is_named = |(name, _): &(&String, &String)| names.contains(&name.as_str());
        Self(self.0.iter().filter(is_named).map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Returns the fields with one more, or with another value of it.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Returns a field as it was sent, if it was.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns a field as it was sent, empty if it was not.
    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Writes the fields that have a value as a query.
    pub(super) fn to_query(&self) -> String {
        let fields = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut fields: Vec<(&str, &str)> = fields.filter(|(_, value)| !value.is_empty()).collect();
        fields.sort_unstable();
        form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
    }

    /// Returns a field that has a value.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns whether a box is ticked.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name).is_some()
    }
}
