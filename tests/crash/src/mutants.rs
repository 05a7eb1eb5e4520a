//! Components that are mutated at random, against `component check`, registration, and a served job and call.
//!
//! The server must refuse a mutant or serve it: no panic, no hang, no growth, and no harm to a tenant that uses the default
//! component. A mutant depends on the seed and its number alone, so that a failure can be repeated.

mod check;
mod mutation;
mod sections;
mod trial;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bulkhead_tests::{Options, Rng, component};

use check::check_apart;
use mutation::mutate;
use sections::Binary;
use trial::Trials;

/// The components that are mutated. Those that are made by hand are small, so a mutant of them is tried quickly.
const SMALL: [&str; 7] =
    ["plain", "tables", "many-tables", "mangled-name", "control-name", "batch-trap", "many-instances"];
const LARGE: [&str; 5] = ["rules-a", "rules-b", "rogue", "stored", "contacts"];
/// One of so many mutants is made from a large component.
const LARGE_SHARE: u64 = 6;
/// One of so many mutants is checked by a command as well.
const COMMAND_SHARE: u64 = 8;
/// Mutants that one server gets, whose log is kept in memory.
const MUTANTS_PER_SERVER: u64 = 3_000;
/// Failures after which a run ends.
const MAX_FAILURES: usize = 10;
/// Mutants between two checks of the server.
const CHECK_INTERVAL: u64 = 100;
/// How far a server's memory may grow between the first check and the last one, in MiB. Compiling needs some for a moment,
/// and the allocator gives it back later.
const MAX_GROWTH_MIB: u64 = 256;

/// The extent of a run.
#[derive(Debug, Clone, Copy)]
pub struct Mutants {
    /// The seed of all random choices.
    pub seed: u64,
    /// The number of the first mutant.
    pub first: u64,
    /// The shortest duration.
    pub time: Duration,
    /// The least number of mutants.
    pub count: u64,
}

/// What became of the mutants.
#[derive(Debug, Default)]
pub struct MutantReport {
    /// Mutants that were tried.
    pub tried: u64,
    /// Those of them that were registered.
    pub registered: u64,
    /// Refusals, by step and number.
    pub refused: std::collections::BTreeMap<String, u64>,
    /// Items of served jobs, and those of them that failed.
    pub items: (u64, u64),
    /// The memory of the servers at each check, in MiB.
    pub memory: Vec<u64>,
    /// What went wrong, with the mutant's number; empty if all is well.
    pub wrong: Vec<String>,
}

impl std::fmt::Display for MutantReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} mutants, {} of them registered, refused {:?}; {} items served, {} of them failed; {:?} MiB: {} failures",
            self.tried,
            self.registered,
            self.refused,
            self.items.0,
            self.items.1,
            self.memory,
            self.wrong.len()
        )?;
        self.wrong.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// Tries mutants one after another. Ends early after ten failures.
///
/// # Panics
/// If a server does not start, or a component of the tests is missing.
pub fn try_mutants(extent: Mutants) -> MutantReport {
    let read = |name: &&str| Binary::read(&fs::read(component(name)).expect("a component can be read"));
    let originals = Originals { small: SMALL.iter().map(read).collect(), large: LARGE.iter().map(read).collect() };
    let mut report = MutantReport::default();
    let began = Instant::now();
    let goes_on = |report: &MutantReport| {
        (began.elapsed() < extent.time || report.tried < extent.count) && report.wrong.len() < MAX_FAILURES
    };
    while goes_on(&report) {
        try_on_new_server(extent, &originals, &mut report, goes_on);
    }
    report
}

/// The components that mutants are made from.
struct Originals {
    small: Vec<Binary>,
    large: Vec<Binary>,
}

fn try_on_new_server(
    extent: Mutants,
    originals: &Originals,
    report: &mut MutantReport,
    goes_on: impl Fn(&MutantReport) -> bool,
) {
    let mut server = Options::default().admin().with("--workers", 2).start();
    let mut trials = Trials::new(&server);
    let mut memory = Vec::new();
    for tried in 1..=MUTANTS_PER_SERVER {
        let number = extent.first + report.tried;
        let mut rng = Rng::new(extent.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let from = if rng.below(LARGE_SHARE) == 0 { &originals.large } else { &originals.small };
        let bytes = mutate(&mut rng, from, &originals.small);
        let mut found = Vec::new();
        if rng.below(COMMAND_SHARE) == 0 {
            found.extend(check_apart(&bytes));
        }
        found.extend(trials.try_one(&server, number, &bytes, report));
        report.tried += 1;
        let is_last = tried == MUTANTS_PER_SERVER || !goes_on(report);
        if tried % CHECK_INTERVAL == 0 || is_last {
            found.extend(trials.check_server(&server));
            memory.push(server.resident_memory() / 1024);
        }
        if !found.is_empty() {
            let file = keep(extent.seed, number, &bytes);
            report.wrong.extend(found.into_iter().map(|what| format!("mutant {number} ({}): {what}", file.display())));
        }
        if is_last {
            break;
        }
    }
    if let (Some(first), Some(last)) = (memory.first(), memory.last())
        && *last > first + MAX_GROWTH_MIB
    {
        report.wrong.push(format!("the server's memory grew from {first} to {last} MiB"));
    }
    report.memory.extend(memory);
    report.wrong.extend(trials.check_folder(&mut server));
}

/// Keeps the mutant of a failure. Returns its file.
fn keep(seed: u64, number: u64, bytes: &[u8]) -> PathBuf {
    let folder = component("plain").with_file_name("mutants");
    let file = folder.join(format!("seed-{seed}-mutant-{number}.wasm"));
    let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, bytes));
    kept.expect("a file can be written beside the components");
    file
}
