//! A host that is itself a component: a command that imports the interface that a processor exports. `wac plug` joins both
//! components, and the wasmtime command line runs the result. Like the hosts in Node and Python, it keeps contacts in a map.
//!
//! `main` reads a list of contacts and prints one row for each. `lines` answers the requests of another program, as in the other
//! hosts.

mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit/1.0.0", "wit"], world: "bulkhead:host/host", generate_all });
}

mod contacts;
mod profile;

use std::error::Error;
use std::io::{BufRead, Read, Write};
use std::{env, io};

use bindings::bulkhead::contacts::types::Operation;
use contacts::Contacts;
use profile::TenantProfile;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Items or contacts that are passed in one call. The contract allows 1,000.
const BATCH_SIZE: usize = 500;
/// The time that changes are dated with. It is not printed.
const NOW: &str = "2026-11-25T12:00:00Z";

fn main() -> Result<(), String> {
    let mut args = env::args().skip(1);
    let done = match (args.next().as_deref(), args.next()) {
        (Some("lines"), None) => lines(),
        (Some("main"), operation) => apply_all(operation.as_deref().unwrap_or("create")),
        _ => Err("main [create|replace|update] < CONTACTS.json, or lines".into()),
    };
    done.map_err(|error| error.to_string())
}

/// Prints one JSON line for each contact, in the format of the server's rows.
fn apply_all(operation: &str) -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let items: Vec<Box<RawValue>> = serde_json::from_str(&text)?;
    // Items keep their text, because parsing would change numbers such as 1.50.
    let items: Vec<String> = items.iter().map(|item| item.get().to_owned()).collect();
    let mut contacts = Contacts::new(TenantProfile::default().profile(NOW.to_owned())?, BATCH_SIZE);
    for row in contacts.apply(parse(operation)?, &items) {
        println!("{row}");
    }
    Ok(())
}

/// Answers each line of JSON with one line.
fn lines() -> Result<(), Box<dyn Error>> {
    let mut contacts = None;
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Begin { profile, now, chunk } => {
                contacts = Some(Contacts::new(profile.profile(now)?, chunk));
                Value::Null
            }
            request => answer(contacts.as_mut().ok_or("the first request must have a profile")?, request)?,
        };
        println!("{answer}");
        io::stdout().flush()?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    Begin { profile: TenantProfile, now: String, chunk: usize },
    Apply { operation: String, items: Vec<String> },
    Find { find: (String, String) },
    Remove { remove: u64 },
    Show { show: Option<Vec<u64>> },
}

fn answer(contacts: &mut Contacts, request: Request) -> Result<Value, Box<dyn Error>> {
    Ok(match request {
        Request::Apply { operation, items } => Value::from(contacts.apply(parse(&operation)?, &items)),
        Request::Find { find: (field, value) } => json!(contacts.find(&field, &value)),
        Request::Show { show } => {
            let shown = contacts.show(show.as_deref());
            Value::from(shown.iter().map(|text| serde_json::from_str(text)).collect::<Result<Vec<Value>, _>>()?)
        }
        Request::Remove { remove } => {
            contacts.remove(remove);
            Value::Null
        }
        Request::Begin { .. } => Value::Null,
    })
}

fn parse(operation: &str) -> Result<Operation, String> {
    match operation {
        "create" => Ok(Operation::Create),
        "replace" => Ok(Operation::Replace),
        "update" => Ok(Operation::Update),
        other => Err(format!("'{other}' is not create, replace or update")),
    }
}
