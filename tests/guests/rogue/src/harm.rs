//! Using up what the host has: time, memory, stack, its log.

use std::hint::black_box;

/// Rounds of a loop that is slow but within its time: a fraction of a millisecond.
pub(crate) const SLOW: u32 = 300_000;
/// Rounds that take a hundred times as long as an item without any: a millisecond, more or less.
pub(crate) const HUNDREDFOLD: u32 = 3_000_000;
/// Bytes taken at a time by a component that wants all memory.
const GULP: usize = 16 << 20;
/// Bytes that one instruction fills or copies. Two such buffers fit into the host's limit.
const BULK: usize = 64 << 20;

pub(crate) fn compute(rounds: u32) {
    black_box((0..rounds).fold(0_u32, |sum, n| black_box(sum ^ n)));
}

pub(crate) fn compute_for_ever() -> ! {
    let mut rounds = 0_u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

/// The compiler makes one `memory.fill` or `memory.copy` of each.
pub(crate) fn move_memory_for_ever() -> ! {
    let mut from = vec![0_u8; BULK];
    let mut to = vec![0_u8; BULK];
    let mut rounds = 0_u8;
    loop {
        rounds = rounds.wrapping_add(1);
        black_box(&mut from).fill(rounds);
        black_box(&mut to).copy_from_slice(black_box(&from));
    }
}

pub(crate) fn take_all_memory() {
    loop {
        std::mem::forget(black_box(vec![1_u8; GULP]));
    }
}

pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if black_box(true) { recurse(depth + 1) + frame.iter().sum::<u64>() } else { depth }
}

pub(crate) fn print_much() {
    let line = "x".repeat(9_999);
    for _ in 0..1_000 {
        println!("{line}");
    }
}

pub(crate) fn print_for_ever() -> ! {
    let line = "y".repeat(9_999);
    loop {
        println!("{line}");
        eprintln!("{line}");
    }
}
