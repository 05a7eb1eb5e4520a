//! The conversions that read alike for all versions of the contract. Each version has types of its own, so a macro writes the
//! functions for the `types` and the `batch` of the module that calls it. What the module gives to the macro are functions that only
//! its version has.

macro_rules! conversions {
    ($($only_here:tt)*) => {
        fn operation(operation: types::Operation) -> rules::Operation {
            match operation {
                types::Operation::Create => rules::Operation::Create,
                types::Operation::Replace => rules::Operation::Replace,
                types::Operation::Update => rules::Operation::Update,
            }
        }

        fn profile(profile: types::Profile) -> rules::Profile {
            rules::Profile {
                fields: profile.fields.into_iter().map(field).collect(),
                max_length: profile.max_length,
                owners: profile.owners.into_iter().map(owner).collect(),
                stages: profile.stages.into_iter().map(named).collect(),
                companies: profile.companies.into_iter().map(named).collect(),
                now: profile.now,
                settings: profile.settings,
            }
        }

        fn choice(choice: types::Choice) -> rules::Choice {
            rules::Choice { label: choice.label, value: choice.value }
        }

        fn owner(owner: types::Owner) -> rules::Owner {
            rules::Owner {
                id: owner.id,
                username: owner.username,
                first_name: owner.first_name,
                last_name: owner.last_name,
            }
        }

        fn named(named: types::Named) -> rules::Named {
            rules::Named { id: named.id, name: named.name }
        }

        fn stored(stored: types::Stored) -> rules::Stored {
            rules::Stored { id: stored.id, document: stored.document }
        }

        fn to_choice(choice: rules::Choice) -> types::Choice {
            types::Choice { label: choice.label, value: choice.value }
        }

        fn to_flaw(flaw: rules::Flaw) -> batch::Flaw {
            batch::Flaw { entry: flaw.entry, member: flaw.member, message: flaw.message }
        }

        fn to_key(key: rules::Key) -> types::Key {
            match key {
                rules::Key::Id(id) => types::Key::Id(id),
                rules::Key::Unique(key) => types::Key::Unique(to_unique_key(key)),
            }
        }

        fn to_unique_key(key: rules::UniqueKey) -> types::UniqueKey {
            types::UniqueKey { field: key.field, value: key.value }
        }

        fn to_write(write: rules::Write) -> batch::Write {
            batch::Write {
                target: match write.target {
                    rules::Target::New => batch::Target::New,
                    rules::Target::Existing(id) => batch::Target::Existing(id),
                    rules::Target::Earlier(index) => batch::Target::Earlier(index),
                },
                status: write.status,
                document: write.document,
                keys: write.keys.into_iter().map(to_unique_key).collect(),
                words: write.words,
                sort: write.sort,
            }
        }

        /// A session of the contract. A component has one caller at a time and is not re-entered, so the borrows never
        /// conflict.
        pub(crate) struct Session(RefCell<rules::Session>);

        impl GuestSession for Session {
            fn new(sent: types::Operation, tenant: types::Profile) -> Self {
                Self(RefCell::new(rules::Session::new(operation(sent), profile(tenant))))
            }

            fn plan(&self, items: Vec<String>) -> Vec<Vec<types::Key>> {
                let planned = self.0.borrow_mut().plan(items);
                planned.into_iter().map(|keys| keys.into_iter().map(to_key).collect()).collect()
            }

            fn decide(&self, found: Vec<types::Stored>, objections: Vec<types::Objection>) -> Vec<batch::Outcome> {
                let found = found.into_iter().map(stored).collect();
                let objections = objections.into_iter().flat_map(objections_of).collect();
                self.0.borrow_mut().decide(found, objections).into_iter().map(to_outcome).collect()
            }
        }

        impl Guest for Processor {
            type Session = Session;

            fn fields(entries: Vec<types::FieldEntry>) -> Result<Vec<types::Field>, Vec<batch::Flaw>> {
                let entries: Vec<_> = entries.into_iter().map(entry).collect();
                match rules::fields(&entries) {
                    Ok(fields) => Ok(fields.into_iter().map(to_field).collect()),
                    Err(flaws) => Err(flaws.into_iter().map(to_flaw).collect()),
                }
            }

            fn present(tenant: types::Profile, contacts: Vec<types::Stored>) -> Vec<String> {
                rules::present(&profile(tenant), contacts.into_iter().map(stored).collect())
            }

            $($only_here)*
        }
    };
}
