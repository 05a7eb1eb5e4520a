//! Plans and decides the contacts of a file in chunks of 500, as a server does, so that a profiler can count the instructions:
//!
//! ```text
//! bulkhead sample --count 10000 --seed 1 > sample.json
//! cargo build --release --package bulkhead-rules --example decide
//! valgrind --tool=callgrind target/release/examples/decide sample.json
//! ```

use std::error::Error;

use bulkhead_rules::{Operation, Profile, Session, fields};
use serde_json::value::RawValue;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("name a file of contacts")?;
    let text = std::fs::read_to_string(path)?;
    let items: Vec<&RawValue> = serde_json::from_str(&text)?;
    let items: Vec<String> = items.into_iter().map(|item| item.get().to_owned()).collect();
    let profile = Profile {
        fields: fields(&[]).map_err(|flaws| format!("{flaws:?}"))?,
        max_length: 64,
        owners: Vec::new(),
        stages: Vec::new(),
        companies: Vec::new(),
        now: "2026-01-01T00:00:00Z".to_owned(),
        settings: Vec::new(),
    };
    let mut session = Session::new(Operation::Create, profile);
    let mut outcomes = 0;
    for chunk in items.chunks(500) {
        session.plan(chunk.to_vec());
        outcomes += session.decide(Vec::new(), Vec::new()).len();
    }
    println!("{outcomes} of {} contacts decided", items.len());
    Ok(())
}
