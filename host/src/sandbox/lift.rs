//! The words of one version of the contract in those of the next. What a component of an older version answers is lifted to the
//! newest, in which it is checked; what one of a newer version is told is lifted from the version that the host puts it in.

use super::bindings::types as v1_0;
use super::bindings::types_1_1 as v1_1;

impl From<v1_0::Objection> for v1_1::Objection {
    fn from(objection: v1_0::Objection) -> Self {
        let v1_0::Objection { index, field, message } = objection;
        Self { index, fields: vec![field], message }
    }
}

impl From<v1_0::Operation> for v1_1::Operation {
    fn from(operation: v1_0::Operation) -> Self {
        match operation {
            v1_0::Operation::Create => Self::Create,
            v1_0::Operation::Replace => Self::Replace,
            v1_0::Operation::Update => Self::Update,
        }
    }
}

impl From<v1_0::Profile> for v1_1::Profile {
    fn from(profile: v1_0::Profile) -> Self {
        let v1_0::Profile { fields, max_length, owners, stages, companies, now, settings } = profile;
        Self {
            fields: all(fields),
            max_length,
            owners: all(owners),
            stages: all(stages),
            companies: all(companies),
            now,
            settings,
        }
    }
}

impl From<v1_0::Field> for v1_1::Field {
    fn from(field: v1_0::Field) -> Self {
        let v1_0::Field { alias, label, kind, group, choices, is_required, is_unique, max_length, scale } = field;
        Self { alias, label, kind, group, choices: all(choices), is_required, is_unique, max_length, scale }
    }
}

impl From<v1_0::Choice> for v1_1::Choice {
    fn from(choice: v1_0::Choice) -> Self {
        let v1_0::Choice { label, value } = choice;
        Self { label, value }
    }
}

impl From<v1_0::Owner> for v1_1::Owner {
    fn from(owner: v1_0::Owner) -> Self {
        let v1_0::Owner { id, username, first_name, last_name } = owner;
        Self { id, username, first_name, last_name }
    }
}

impl From<v1_0::Named> for v1_1::Named {
    fn from(named: v1_0::Named) -> Self {
        let v1_0::Named { id, name } = named;
        Self { id, name }
    }
}

/// All of a list.
pub(super) fn all<Old, New: From<Old>>(list: Vec<Old>) -> Vec<New> {
    list.into_iter().map(New::from).collect()
}

#[cfg(test)]
mod tests {
    use super::{v1_0, v1_1};

    #[test]
    fn an_objection_is_about_one_field() {
        let objection = v1_0::Objection { index: 3, field: String::from("email"), message: String::from("No.") };
        let v1_1::Objection { index, fields, message } = objection.into();
        assert_eq!((index, fields, message.as_str()), (3, vec![String::from("email")], "No."));
    }

    /// Where the words are the same, so is what they say.
    #[test]
    fn a_profile_keeps_all_that_it_says() {
        let text = |text: &str| text.to_owned();
        let named = |id, name: &str| v1_0::Named { id, name: text(name) };
        let field = v1_0::Field {
            alias: text("plan"),
            label: text("Plan"),
            kind: text("select"),
            group: text("core"),
            choices: vec![v1_0::Choice { label: text("Free"), value: text("free") }],
            is_required: true,
            is_unique: false,
            max_length: Some(7),
            scale: Some(2),
        };
        let owner = v1_0::Owner { id: 1, username: text("ada"), first_name: text("Ada"), last_name: text("Lovelace") };
        let profile = v1_0::Profile {
            fields: vec![field.clone(), v1_0::Field { is_required: false, is_unique: true, max_length: None, ..field }],
            max_length: 64,
            owners: vec![owner],
            stages: vec![named(2, "Lead")],
            companies: vec![named(3, "Acme"), named(4, "Apex")],
            now: text("2026-11-25T12:00:00Z"),
            settings: vec![(text("blocked"), text("[]"))],
        };
        let said = format!("{profile:?}");
        assert_eq!(format!("{:?}", v1_1::Profile::from(profile)), said);
        for operation in [v1_0::Operation::Create, v1_0::Operation::Replace, v1_0::Operation::Update] {
            assert_eq!(format!("{:?}", v1_1::Operation::from(operation)), format!("{operation:?}"));
        }
    }
}
