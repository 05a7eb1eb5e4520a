//! What is answered differently on purpose.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::case::{Case, Expect};

/// The differences by row, and the cases they concern.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Overrides {
    /// What each row says.
    rows: BTreeMap<String, String>,
    cases: Vec<Override>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    name: String,
    /// The row by which the case is judged; none if only its bulk form differs.
    row: Option<String>,
    /// By the step's place, what is expected instead.
    #[serde(default)]
    steps: BTreeMap<usize, Expect>,
    /// Likewise, when the batch goes as a bulk job.
    #[serde(default)]
    bulk: BTreeMap<usize, Expect>,
}

/// # Panics
/// If `text` holds anything but overrides.
pub(crate) fn parse(text: &str) -> Overrides {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("the overrides: {error}"))
}

impl Overrides {
    /// # Panics
    /// If it names a case, a step or a row that is not there, or a case twice.
    pub(crate) fn apply(self, cases: &mut [Case]) {
        for Override { name, row, steps, bulk } in self.cases {
            let case = cases.iter_mut().find(|case| case.name == name);
            let case = case.unwrap_or_else(|| panic!("there is no case {name:?} to override"));
            assert!(case.row.is_none(), "{name:?} is overridden twice");
            assert!(row.as_ref().is_none_or(|row| self.rows.contains_key(row)), "{name:?} names an unknown row");
            assert!(row.is_none() == steps.is_empty(), "{name:?} has a row without steps, or steps without a row");
            case.row = row;
            for (place, expect) in steps {
                case.step(place).expect = expect;
            }
            for (place, expect) in bulk {
                case.step(place).expect_in_bulk = Some(expect);
            }
        }
    }

    pub(crate) fn count(&self) -> BTreeMap<String, usize> {
        let cases = |row: &String| self.cases.iter().filter(|case| case.row.as_ref() == Some(row)).count();
        self.rows.keys().map(|row| (row.clone(), cases(row))).collect()
    }
}

impl Case {
    fn step(&mut self, place: usize) -> &mut crate::case::Step {
        let name = &self.name;
        self.steps.get_mut(place).unwrap_or_else(|| panic!("{name:?} has no step {place} to override"))
    }
}
