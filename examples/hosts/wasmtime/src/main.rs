//! A host that is itself a component: a command that imports what a processor exports. `wac plug` joins the two, and the
//! wasmtime command line runs what comes out. It keeps contacts in a map, as the hosts in Node and Python do.
//!
//! `main` reads a list of contacts and says what becomes of each; `lines` is for another program, as in those hosts.

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
use profile::Given;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Items that are handed over together; the contract allows 1,000.
const CHUNK: usize = 500;
/// The moment to record as that of a change. Nothing that is printed shows it.
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

/// What becomes of each contact, a line of JSON each, as the server says it.
fn apply_all(operation: &str) -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let items: Vec<Box<RawValue>> = serde_json::from_str(&text)?;
    // As they were written: 1.50 is not 1.5 to everyone.
    let items: Vec<String> = items.iter().map(|item| item.get().to_owned()).collect();
    let mut contacts = Contacts::new(Given::default().profile(NOW.to_owned())?, CHUNK);
    for row in contacts.apply(parse(operation)?, &items) {
        println!("{row}");
    }
    Ok(())
}

/// A line of JSON for each that comes in.
fn lines() -> Result<(), Box<dyn Error>> {
    let mut contacts = None;
    for line in io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Request::Begin { profile, now, chunk } => {
                contacts = Some(Contacts::new(profile.profile(now)?, chunk));
                Value::Null
            }
            request => answer(contacts.as_mut().ok_or("a profile comes first")?, request)?,
        };
        println!("{answer}");
        io::stdout().flush()?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    Begin { profile: Given, now: String, chunk: usize },
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
        other => Err(format!("'{other}' is none of create, replace and update")),
    }
}
