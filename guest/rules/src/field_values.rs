//! The values of a contact's fields.

use crate::value::Value;

/// The values that are not blank, with the positions of their fields in the catalogue, in the order of the catalogue. Most contacts
/// have values in a small part of the fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FieldValues(Vec<(usize, Value)>);

impl FieldValues {
    /// Returns the values among `sent`, which is in the order of the catalogue and has each field once.
    pub(crate) fn of(sent: Vec<(usize, Option<Value>)>) -> Self {
        Self(sent.into_iter().filter_map(|(position, value)| Some((position, value?))).collect())
    }

    /// Returns the value of the field at `position`.
    pub(crate) fn get(&self, position: usize) -> Option<&Value> {
        let place = self.place(position).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// Replaces the value of the field at `position`.
    pub(crate) fn set(&mut self, position: usize, value: Option<Value>) {
        match (self.place(position), value) {
            (Ok(place), Some(value)) => {
                if let Some((_, known)) = self.0.get_mut(place) {
                    *known = value;
                }
            }
            (Ok(place), None) => drop(self.0.remove(place)),
            (Err(place), Some(value)) => self.0.insert(place, (position, value)),
            (Err(_), None) => {}
        }
    }

    /// Returns the values with the positions of their fields.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Value)> {
        self.0.iter().map(|(position, value)| (*position, value))
    }

    fn place(&self, position: usize) -> Result<usize, usize> {
        self.0.binary_search_by_key(&position, |(known, _)| *known)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::FieldValues;
    use crate::value::Value;

    proptest! {
        #[test]
        fn values_are_kept_as_in_a_map(changes in vec((0..9_usize, option::of(any::<bool>())), 0..20)) {
            let (mut values, mut expected) = (FieldValues::default(), BTreeMap::new());
            for (position, flag) in changes {
                values.set(position, flag.map(Value::Bool));
                match flag {
                    Some(flag) => drop(expected.insert(position, Value::Bool(flag))),
                    None => drop(expected.remove(&position)),
                }
                prop_assert!((0..9).all(|position| values.get(position) == expected.get(&position)));
            }
            prop_assert!(values.iter().eq(expected.iter().map(|(position, value)| (*position, value))));
            let sent = (0..9).filter(|position| position % 2 == 0 || expected.contains_key(position));
            prop_assert_eq!(FieldValues::of(sent.map(|position| (position, expected.get(&position).cloned())).collect()), values);
        }
    }
}
