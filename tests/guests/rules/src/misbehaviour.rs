//! What an item can make the validator do.

use std::hint::black_box;

use crate::bindings::bulkhead::contacts::types::Objection;

/// Objections to one item that the contract allows,
const MOST: usize = 16;
/// and bytes of a message.
const LONGEST: usize = 1_000;

/// Computes for ever (`loop`), crashes (`trap`), prints 10 MB (`log`), objects too often (`too-many`), to an item that is
/// not there (`bad-index`) or at too great length (`long-message`). `most` is no misbehaviour: all that is allowed.
pub(crate) fn misbehave(what: &str, index: u32, count: usize, objections: &mut Vec<Objection>) {
    let objection = |bytes: usize| Objection { index, field: String::from("check"), message: "x".repeat(bytes) };
    match what {
        "loop" => compute_for_ever(),
        "trap" => std::process::abort(),
        "log" => print_much(),
        "too-many" => objections.extend((0..=MOST).map(|_| objection(1))),
        "most" => objections.extend((0..MOST).map(|_| objection(LONGEST))),
        "bad-index" => {
            objections.push(Objection { index: u32::try_from(count).unwrap_or(u32::MAX), ..objection(1) });
        }
        "long-message" => objections.push(objection(LONGEST + 1)),
        _ => {}
    }
}

fn compute_for_ever() -> ! {
    let mut rounds = 0_u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

fn print_much() {
    let line = "x".repeat(9_999);
    for _ in 0..1_000 {
        println!("{line}");
    }
}
