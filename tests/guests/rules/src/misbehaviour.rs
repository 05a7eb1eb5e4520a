//! Misbehaviour that an item can ask for.

use std::hint::black_box;

use crate::bindings::bulkhead::contacts::types::Objection;

/// Largest number of objections to one item that the contract allows.
const MAX_OBJECTIONS: usize = 16;
/// Largest message that the contract allows, in bytes.
const MAX_MESSAGE_BYTES: usize = 1_000;

/// Loops endlessly (`loop`), traps (`trap`), prints 10 MB (`log`), objects too often (`too-many`), to an item that does not
/// exist (`bad-index`) or with too large a message (`long-message`). `most` is allowed: it makes the largest objections that
/// the contract permits, and so is `noise`: the same with text that cannot be compressed.
pub(crate) fn misbehave(what: &str, index: u32, count: usize, objections: &mut Vec<Objection>) {
    let objection = |bytes: usize| Objection { index, field: String::from("check"), message: "x".repeat(bytes) };
    match what {
        "loop" => loop_endlessly(),
        "trap" => std::process::abort(),
        "log" => print_much(),
        "too-many" => objections.extend((0..=MAX_OBJECTIONS).map(|_| objection(1))),
        "most" => objections.extend((0..MAX_OBJECTIONS).map(|_| objection(MAX_MESSAGE_BYTES))),
        "noise" => objections.extend((0..MAX_OBJECTIONS).map(|number| Objection {
            index,
            field: format!("field{number}"),
            message: noise(u64::from(index) * MAX_OBJECTIONS as u64 + number as u64),
        })),
        "bad-index" => {
            objections.push(Objection { index: u32::try_from(count).unwrap_or(u32::MAX), ..objection(1) });
        }
        "long-message" => objections.push(objection(MAX_MESSAGE_BYTES + 1)),
        _ => {}
    }
}

fn loop_endlessly() -> ! {
    let mut rounds = 0_u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

fn noise(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let letter = |_| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        char::from(b'?' + u8::try_from(state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 58).unwrap_or(0))
    };
    (0..MAX_MESSAGE_BYTES).map(letter).collect()
}

fn print_much() {
    let line = "x".repeat(9_999);
    for _ in 0..1_000 {
        println!("{line}");
    }
}
