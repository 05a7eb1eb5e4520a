//! Exhausting the host's resources: time, memory, stack and log.

use std::hint::black_box;

/// Rounds of a loop that takes a fraction of a millisecond, which is within the limits.
pub(crate) const SLOW: u32 = 300_000;
/// Rounds of a loop that takes about a millisecond, a hundred times as long as a usual item.
pub(crate) const HUNDREDFOLD: u32 = 3_000_000;
/// Size of one allocation of [`allocate_all_memory`], in bytes.
const ALLOCATION_BYTES: usize = 16 << 20;
/// Size of the buffer that one instruction fills or copies, in bytes. Two such buffers fit into the host's memory limit.
const BUFFER_BYTES: usize = 64 << 20;

pub(crate) fn compute(rounds: u32) {
    black_box((0..rounds).fold(0_u32, |sum, n| black_box(sum ^ n)));
}

pub(crate) fn loop_endlessly() -> ! {
    let mut rounds = 0_u64;
    loop {
        rounds = black_box(rounds.wrapping_add(1));
    }
}

/// Fills and copies large buffers in an endless loop. Each call compiles to a single `memory.fill` or `memory.copy`.
pub(crate) fn copy_memory_endlessly() -> ! {
    let mut from = vec![0_u8; BUFFER_BYTES];
    let mut to = vec![0_u8; BUFFER_BYTES];
    let mut rounds = 0_u8;
    loop {
        rounds = rounds.wrapping_add(1);
        black_box(&mut from).fill(rounds);
        black_box(&mut to).copy_from_slice(black_box(&from));
    }
}

pub(crate) fn allocate_all_memory() {
    loop {
        std::mem::forget(black_box(vec![1_u8; ALLOCATION_BYTES]));
    }
}

/// Makes the memory larger by about as many bytes, without touching them. Freeing them does not make it smaller.
pub(crate) fn grow_memory(bytes: usize) {
    drop(black_box(Vec::<u8>::with_capacity(bytes)));
}

pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if black_box(true) { recurse(depth + 1) + frame.iter().sum::<u64>() } else { depth }
}

/// Prints a terminal's title, a colour, a forged line, a hidden word and a reversed one, and panics with them.
#[expect(clippy::panic, reason = "a panic is what this is for")]
pub(crate) fn panic_in_disguise() -> ! {
    let text = "\u{1b}]0;title\u{7}\u{1b}[31m\u{9b}2J\nbulkhead: forged\r\u{202e}desrever\u{200b}";
    println!("{text}");
    panic!("{text}");
}

pub(crate) fn print_much() {
    let line = "x".repeat(9_999);
    for _ in 0..1_000 {
        println!("{line}");
    }
}

pub(crate) fn print_endlessly() -> ! {
    let line = "y".repeat(9_999);
    loop {
        println!("{line}");
        eprintln!("{line}");
    }
}
