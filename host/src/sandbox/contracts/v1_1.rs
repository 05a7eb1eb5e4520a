//! The draft of version 1.1.0 of the contract: validators that see the stored contacts of their items, and whose objection can
//! be about several fields.

use std::sync::Arc;

use wasmtime::Store;

use self::bindings::bulkhead::contacts::types;
use self::bindings::{Validator, ValidatorPre};
use super::contract::{Contract, ValidatorContract, ValidatorExports};
use crate::domain::{ContactId, Operation, Timestamp};
use crate::sandbox::fields::{Field, Fields};
use crate::sandbox::objection::Objection;
use crate::sandbox::request::RequestContext;
use crate::sandbox::state::State;
use crate::tenants::{Choice, Named, Owner, Profile};

mod bindings {
    #![allow(
        missing_docs,
        unreachable_pub,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes_without_reason,
        reason = "generated code"
    )]

    wasmtime::component::bindgen!({
        path: "../wit/drafts/1.1.0",
        world: "validator",
    });
}

pub(super) const CONTRACT: Contract = Contract {
    version: "1.1.0",
    bind_processor: None,
    bind_validator: Some(|component| Ok(Arc::new(ValidatorPre::new(component)?))),
};

impl ValidatorContract for ValidatorPre<State> {
    fn wants_stored(&self) -> bool {
        true
    }

    fn instantiate(
        &self,
        store: &mut Store<State>,
        context: &RequestContext<'_>,
    ) -> wasmtime::Result<Box<dyn ValidatorExports>> {
        let profile = to_profile(context.profile, context.fields, context.now);
        let exports = ValidatorPre::instantiate(self, store)?;
        Ok(Box::new(Running { exports, operation: to_operation(context.operation), profile }))
    }
}

/// A running validator, with what each of its calls is told.
struct Running {
    exports: Validator,
    operation: types::Operation,
    profile: types::Profile,
}

impl ValidatorExports for Running {
    fn check(
        &self,
        store: &mut Store<State>,
        items: &[String],
        stored: &[(ContactId, String)],
    ) -> wasmtime::Result<Vec<Objection>> {
        let to_stored = |(id, object): &(ContactId, String)| types::Stored { id: id.0, document: object.clone() };
        let stored: Vec<_> = stored.iter().map(to_stored).collect();
        let validation = self.exports.bulkhead_contacts_validation();
        let objections = validation.call_check(store, self.operation, &self.profile, items, &stored)?;
        let from_objection = |types::Objection { index, fields, message }| Objection { index, fields, message };
        Ok(objections.into_iter().map(from_objection).collect())
    }
}

fn to_operation(operation: Operation) -> types::Operation {
    match operation {
        Operation::Create => types::Operation::Create,
        Operation::Replace => types::Operation::Replace,
        Operation::Update => types::Operation::Update,
    }
}

fn to_profile(profile: &Profile, fields: &Fields, now: Timestamp) -> types::Profile {
    let owner = |owner: &Owner| types::Owner {
        id: owner.id,
        username: owner.username.clone(),
        first_name: owner.first_name.clone(),
        last_name: owner.last_name.clone(),
    };
    let named = |named: &Named| types::Named { id: named.id, name: named.name.clone() };
    types::Profile {
        fields: fields.0.iter().map(to_field).collect(),
        max_length: profile.max_length,
        owners: profile.owners.iter().map(owner).collect(),
        stages: profile.stages.iter().map(named).collect(),
        companies: profile.companies.iter().map(named).collect(),
        now: now.to_rfc3339(),
        settings: profile.settings.iter().map(|(name, value)| (name.clone(), value.get().to_owned())).collect(),
    }
}

fn to_field(field: &Field) -> types::Field {
    let choice = |choice: &Choice| types::Choice { label: choice.label.clone(), value: choice.value.clone() };
    types::Field {
        alias: field.alias.clone(),
        label: field.label.clone(),
        kind: field.kind.clone(),
        group: field.group.clone(),
        choices: field.choices.iter().map(choice).collect(),
        is_required: field.is_required,
        is_unique: field.is_unique,
        max_length: field.max_length,
        scale: field.scale,
    }
}

#[cfg(test)]
mod tests {
    use super::to_profile;
    use crate::domain::Timestamp;
    use crate::sandbox::contracts::v1_0;
    use crate::sandbox::fields::{Field, Fields};
    use crate::tenants::{Choice, Profile};

    /// The members that both versions have are spelled alike, so their debug texts are equal if nothing was lost or swapped.
    #[test]
    fn a_profile_says_the_same_in_both_versions() {
        let text = |text: &str| text.to_owned();
        let field = Field {
            alias: text("plan"),
            label: text("Plan"),
            kind: text("select"),
            group: text("core"),
            choices: vec![Choice { label: text("Free"), value: text("free") }],
            is_required: true,
            is_unique: false,
            max_length: Some(7),
            scale: Some(2),
        };
        let other = Field { is_required: false, is_unique: true, max_length: None, ..field.clone() };
        let fields = Fields(vec![field, other]);
        let profile = Profile::parse(
            r#"{
                "maxLength": 40,
                "owners": [{"id": 1, "username": "ada", "firstName": "Ada", "lastName": "Lovelace"}],
                "stages": [{"id": 2, "name": "Lead"}],
                "companies": [{"id": 3, "name": "Acme"}, {"id": 4, "name": "Apex"}],
                "settings": {"blocked": [], "level": 1.5}
            }"#,
        )
        .unwrap();
        let now = Timestamp(1_700_000_000_000);
        let expected = format!("{:?}", v1_0::to_profile(&profile, &fields, now));
        assert_eq!(format!("{:?}", to_profile(&profile, &fields, now)), expected);
        for part in [r#"alias: "plan""#, "Lovelace", "Lead", "Apex", "level", "free", "40"] {
            assert!(expected.contains(part), "{part}: {expected}");
        }
    }
}
