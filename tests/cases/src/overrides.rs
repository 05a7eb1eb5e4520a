//! The answers that differ from Mautic's on purpose.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::case::{Case, Expect};

/// The rows of differences, and the cases that they override.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Overrides {
    /// The text of each row.
    rows: BTreeMap<String, String>,
    cases: Vec<Override>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    name: String,
    /// The row that overrides the case, or `None` if only its bulk form differs.
    row: Option<String>,
    /// The replacing expectations, by the index of the step.
    #[serde(default)]
    steps: BTreeMap<usize, Expect>,
    /// The replacing expectations when the batch is sent as a bulk job, by the index of the step.
    #[serde(default)]
    bulk: BTreeMap<usize, Expect>,
}

/// Parses overrides.
///
/// # Panics
/// Panics if `text` has another format.
pub(crate) fn parse(text: &str) -> Overrides {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("the overrides: {error}"))
}

impl Overrides {
    /// Applies the overrides to `cases`.
    ///
    /// # Panics
    /// Panics if an override names an unknown case, step or row, or if a case is overridden twice.
    pub(crate) fn apply(self, cases: &mut [Case]) {
        for Override { name, row, steps, bulk } in self.cases {
            let case = cases.iter_mut().find(|case| case.name == name);
            let case = case.unwrap_or_else(|| panic!("there is no case {name:?} to override"));
            assert!(case.row.is_none(), "{name:?} is overridden twice");
            assert!(row.as_ref().is_none_or(|row| self.rows.contains_key(row)), "{name:?} names an unknown row");
            assert!(row.is_none() == steps.is_empty(), "{name:?} has a row without steps, or steps without a row");
            case.row = row;
            for (index, expect) in steps {
                case.step(index).expect = expect;
            }
            for (index, expect) in bulk {
                case.step(index).expect_in_bulk = Some(expect);
            }
        }
    }

    pub(crate) fn count(&self) -> BTreeMap<String, usize> {
        let cases = |row: &String| self.cases.iter().filter(|case| case.row.as_ref() == Some(row)).count();
        self.rows.keys().map(|row| (row.clone(), cases(row))).collect()
    }
}

impl Case {
    fn step(&mut self, index: usize) -> &mut crate::case::Step {
        let name = &self.name;
        self.steps.get_mut(index).unwrap_or_else(|| panic!("{name:?} has no step {index} to override"))
    }
}
