//! A processor of the draft 1.1.0 that remarks on each item what the item asks for, also beyond the bounds of the contract.
//!
//! Each item creates a contact. An item with `"refuse": "CODE"` is rejected with this code for the field `email`, and one with
//! an objection is rejected with the objection's code as its message. Other members are those of [`Told`].

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated from wit/"
)]
mod bindings {
    use super::Processor;

    wit_bindgen::generate!({ path: "../../../wit/drafts/1.1.0", world: "processor" });
    export!(Processor with_types_in self);
}

use std::cell::RefCell;

use bindings::bulkhead::contacts::types::{Field, FieldEntry, Key, Objection, Operation, Profile, Stored};
use bindings::exports::bulkhead::contacts::batch::{
    Complaint, Decision, Flaw, Guest, GuestSession, Outcome, Rejection, Target, Warning, Write,
};
use serde::Deserialize;

struct Processor;

struct Session(RefCell<Vec<Told>>);

/// What an item asks for.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    /// Pairs of field and code.
    warnings: Vec<(String, String)>,
    /// How often these warnings are repeated.
    warned_again: u32,
    ignored: Vec<String>,
    /// How many numbered names are ignored besides.
    ignored_numbers: u32,
    ignored_more: u32,
    refuse: Option<String>,
}

impl GuestSession for Session {
    fn new(_: Operation, _: Profile) -> Self {
        Self(RefCell::default())
    }

    fn plan(&self, items: Vec<String>) -> Vec<Vec<Key>> {
        let told = items.iter().map(|item| serde_json::from_str(item).unwrap_or_default());
        *self.0.borrow_mut() = told.collect();
        vec![Vec::new(); items.len()]
    }

    fn decide(&self, _: Vec<Stored>, objections: Vec<Objection>) -> Vec<Outcome> {
        let objection_to = |index: u32| objections.iter().find(|objection| objection.index == index);
        (0..).zip(self.0.take()).map(|(index, told)| outcome(told, objection_to(index))).collect()
    }
}

fn outcome(told: Told, objection: Option<&Objection>) -> Outcome {
    let Told { warnings, warned_again, ignored, ignored_numbers, ignored_more, refuse } = told;
    let refused = objection.map(|objection| (objection.code.clone(), objection.code.clone()));
    let refused = refused.or_else(|| refuse.map(|code| (code, String::from("Refused."))));
    let decision = match refused {
        Some((code, message)) => {
            let details = vec![Complaint { field: String::from("email"), code, messages: vec![message.clone()] }];
            Decision::Reject(Rejection { id: None, status: 400, message, details, api_style: false })
        }
        None => Decision::Write(Write {
            target: Target::New,
            status: 201,
            document: String::from("{}"),
            keys: Vec::new(),
            words: String::new(),
            sort: String::new(),
        }),
    };
    let warnings = (0..=warned_again).flat_map(|_| &warnings);
    let warnings = warnings.map(|(field, code)| Warning { field: field.clone(), code: code.clone() }).collect();
    let numbered = (0..ignored_numbers).map(|number| format!("number {number}"));
    Outcome { decision, warnings, ignored: ignored.into_iter().chain(numbered).collect(), ignored_more }
}

impl Guest for Processor {
    type Session = Session;

    fn fields(entries: Vec<FieldEntry>) -> Result<Vec<Field>, Vec<Flaw>> {
        let field = |alias: &str, is_strict: bool| Field {
            alias: alias.to_owned(),
            label: alias.to_owned(),
            kind: String::from("text"),
            group: String::from("core"),
            choices: Vec::new(),
            is_required: false,
            is_unique: false,
            max_length: None,
            scale: None,
            is_strict,
        };
        let own = entries.iter().map(|entry| field(&entry.alias, entry.is_strict.unwrap_or(false)));
        Ok([field("email", false)].into_iter().chain(own).collect())
    }

    fn present(profile: Profile, contacts: Vec<Stored>) -> Vec<String> {
        let strict: Vec<&str> =
            profile.fields.iter().filter(|field| field.is_strict).map(|field| field.alias.as_str()).collect();
        let object = |contact: &Stored| format!(r#"{{"id":{},"strict":{strict:?}}}"#, contact.id);
        contacts.iter().map(object).collect()
    }

    /// Says in each cell which column it is in. A profile can ask for replies that break the contract.
    fn cells(profile: Profile, columns: Vec<String>, contacts: Vec<Stored>) -> Vec<String> {
        let asks_for = |alias: &str| profile.fields.iter().any(|field| field.alias == alias);
        let row = |contact: &Stored| match () {
            () if asks_for("short_rows") => String::from(r#"["a"]"#),
            () if asks_for("no_lists") => String::from("{}"),
            () if asks_for("no_json") => String::from("[\"a\", "),
            () if asks_for("numbers") => String::from("[1,2,3,4,5,6,7,8]"),
            () => format!("{:?}", columns.iter().map(|column| format!("{column} {}", contact.id)).collect::<Vec<_>>()),
        };
        let rows = contacts.iter().map(row);
        if asks_for("few_rows") { rows.skip(1).collect() } else { rows.collect() }
    }
}
