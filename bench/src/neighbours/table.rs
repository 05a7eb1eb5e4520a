//! The table of all attacks.

use std::time::Duration;

use super::neighbour::{OPERATIONS, Times};
use crate::{median, ratio};

/// The neighbour alone and beside an attack.
pub(super) struct Row {
    pub(super) kind: &'static str,
    pub(super) attackers: usize,
    pub(super) quiet: Times,
    pub(super) beside: Times,
    /// The largest resident memory of the server, in MiB.
    pub(super) peak_memory: u64,
    /// What the attackers got.
    pub(super) got: String,
}

/// Prints the head of the table.
pub(super) fn print_head(is_markdown: bool) {
    let operations = OPERATIONS.map(|name| format!("{name:>24}"));
    print(is_markdown, "attack", "N", operations, "failed", "MiB", "the attackers got");
    if is_markdown {
        println!("|---|---|{}---|---|---|", "---|".repeat(OPERATIONS.len()));
    }
}

impl Row {
    /// Prints the row. Each operation shows the medians alone and beside the attack, their ratio, and the ratio of the longest.
    pub(super) fn print(&self, is_markdown: bool) {
        let mut place = 0..;
        let cells = OPERATIONS.map(|_| {
            let at = place.next().unwrap_or_default();
            let of = |times: &Times| times.times.get(at).cloned().unwrap_or_default();
            cell(&of(&self.quiet), &of(&self.beside))
        });
        let failed = format!("{}/{}", self.beside.failed, self.beside.times.iter().map(Vec::len).sum::<usize>());
        print(
            is_markdown,
            self.kind,
            &self.attackers.to_string(),
            cells,
            &failed,
            &self.peak_memory.to_string(),
            &self.got,
        );
        // A failure without an attack means that the attack left something behind, or that the measurement is wrong.
        for (what, times) in [("alone", &self.quiet), ("beside", &self.beside)] {
            if !is_markdown && !times.failures.is_empty() {
                println!("    {what}: {} failed, such as {}", times.failed, times.failures.join("; "));
            }
        }
    }

    /// Returns the largest ratio of medians of all operations.
    pub(super) fn largest_ratio(&self) -> f64 {
        let pairs = self.quiet.times.iter().zip(&self.beside.times);
        pairs.map(|(quiet, beside)| ratio(beside, quiet)).fold(0.0, f64::max)
    }
}

fn cell(quiet: &[Duration], beside: &[Duration]) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let longest = |times: &[Duration]| times.iter().max().copied().unwrap_or_default().as_secs_f64();
    let worst = longest(beside) / longest(quiet);
    let medians = format!("{:.1} → {:.1}", millis(median(quiet)), millis(median(beside)));
    format!("{:>24}", format!("{medians} ({:.1}, {worst:.1})", ratio(beside, quiet)))
}

fn print(is_markdown: bool, kind: &str, number: &str, cells: [String; 4], failed: &str, memory: &str, got: &str) {
    if is_markdown {
        let cells = cells.map(|cell| cell.trim().to_owned()).join(" | ");
        println!("| {kind} | {number} | {cells} | {failed} | {memory} | {got} |");
    } else {
        println!("    {kind:17} {number:>2} {} {failed:>9} {memory:>6}  {got}", cells.join(" "));
    }
}
