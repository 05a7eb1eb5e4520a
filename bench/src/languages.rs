//! The cost of each language: the same validator, as `bulkhead component new` makes it.

use std::fs;
use std::time::{Duration, Instant};

use bulkhead::domain::{Operation, Timestamp};
use bulkhead::sandbox::{CancelFlag, Limits, ProcessorInstance, RequestContext, ValidatorInstance};
use bulkhead::tenants::{Profile, TenantLimits};
use bulkhead_tests::component;

use crate::guest::{CHUNK, new_sandbox};
use crate::server::{Counts, Server};
use crate::{Outcome, contacts, median};

/// The languages and their components.
const LANGUAGES: [(&str, &str); 3] = [("Rust", "new-rust"), ("JavaScript", "new-js"), ("Python", "new-python")];
/// The validator's settings. No contact of the measurement is blocked.
const PROFILE: &str = r#"{"settings": {"blocked": ["example.org", "example.net"]}}"#;
/// Rounds of each measurement.
const ROUNDS: usize = 7;

/// Prints a table in Markdown.
pub(crate) fn languages(items: &[String], body: &[u8]) -> Outcome<()> {
    println!("\n| | Size | Compile | Instantiate | Memory | A chunk of 500 | A job of 10,000 |");
    println!("|---|---|---|---|---|---|---|");
    let jobs = jobs(body)?;
    println!("| no validator | | | | | | {} ms |", jobs.first().copied().map(millis).unwrap_or_default());
    for ((language, component), job) in LANGUAGES.into_iter().zip(jobs.into_iter().skip(1)) {
        let Measured { size, compile, start, chunk, memory } = measure(component, items)?;
        println!(
            "| {language} | {} KB | {} ms | {:.0} µs | {:.1} MiB | {} ms | {} ms |",
            size / 1_000,
            millis(compile),
            start.as_secs_f64() * 1e6,
            memory as f64 / f64::from(1 << 20),
            millis(chunk),
            millis(job)
        );
    }
    Ok(())
}

struct Measured {
    size: usize,
    compile: Duration,
    start: Duration,
    chunk: Duration,
    memory: usize,
}

fn measure(name: &str, items: &[String]) -> Outcome<Measured> {
    let stopped = |stop| format!("{name} stopped: {stop:?}");
    let sandbox = new_sandbox()?;
    let processor = sandbox.load_processor(&fs::read(component("contacts"))?)?;
    let bytes = fs::read(component(name))?;
    let began = Instant::now();
    let validator = sandbox.load_validator(&bytes)?;
    let compile = began.elapsed();
    let (limits, cancel, profile) =
        (Limits::from(&TenantLimits::default()), CancelFlag::default(), Profile::parse(PROFILE)?);
    let fields = ProcessorInstance::start(&sandbox, &processor, &limits, &cancel).map_err(stopped)?.fields(&profile)?;
    let request =
        RequestContext { operation: Operation::Create, profile: &profile, fields: &fields, now: Timestamp(0) };
    let (mut starts, mut chunks, mut memory) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut checker =
            ValidatorInstance::start(&sandbox, &validator, &limits, &cancel, &request).map_err(stopped)?;
        starts.push(began.elapsed());
        for chunk in items.chunks(CHUNK) {
            let began = Instant::now();
            let objections = checker.check(chunk, &[]).map_err(stopped)?;
            chunks.push(began.elapsed());
            assert!(objections.is_empty(), "{name}: {objections:?}");
        }
        memory = checker.usage().memory;
    }
    Ok(Measured { size: bytes.len(), compile, start: median(&starts), chunk: median(&chunks), memory })
}

/// Returns the median times of a job without a validator and with each. The jobs alternate, each for a new tenant.
fn jobs(body: &[u8]) -> Outcome<Vec<Duration>> {
    let server = Server::start()?;
    let profile = tempfile::NamedTempFile::new()?;
    fs::write(profile.path(), PROFILE)?;
    let file = profile.path().display().to_string();
    let validators: Vec<&str> = std::iter::once("none").chain(LANGUAGES.map(|(_, component)| component)).collect();
    for (_, component) in LANGUAGES {
        server.register(component)?;
    }
    let mut times = vec![Vec::new(); validators.len()];
    for round in 0..ROUNDS {
        for (validator, times) in validators.iter().zip(&mut times) {
            let tenant = format!("{validator}-{round}");
            let token = server.tenant(&tenant);
            server.command(&["tenant", "set", &tenant, "--profile", &file, "--validator", validator])?;
            let expected = Counts { created: contacts::COUNT as u64, updated: 0, failed: 0 };
            times.push(server.run_job(&token, body, expected)?.completed);
        }
    }
    Ok(times.iter().map(|times| median(times)).collect())
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    if millis < 10.0 { format!("{millis:.1}") } else { format!("{millis:.0}") }
}
