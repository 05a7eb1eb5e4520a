//! The cost of attacks for a neighbour: rogue tenants, and floods of tenants and of strangers.

mod neighbour;
mod table;

use std::fs;
use std::time::Duration;

use neighbour::{Neighbour, Times};
use serde_json::json;
use table::Row;
use tempfile::TempDir;

use crate::attack::{Attack, Attacker, Component, KINDS, Kind, Order, Origin};
use crate::server::Server;
use crate::{Outcome, settings};

/// Phases alone, and as many beside the attack, in turn.
const PHASES: usize = 2;
/// The time of each phase, unless `SECONDS` says otherwise.
const PHASE_TIME: Duration = Duration::from_secs(3);

/// Milliseconds for each item from which a component takes too long for the trial of `tenant set` under the default limits.
const TRIED_MILLIS: u64 = 50;

/// Measures a neighbour alone and beside each kind of attack. `KIND` in the environment selects the kinds whose names contain
/// it, `SECONDS` is the length of a phase, and `FORMAT=markdown` prints a table for a document.
pub(crate) fn neighbours() -> Outcome<()> {
    let wanted = settings::text("KIND").unwrap_or_default();
    let time = settings::time(PHASE_TIME)?;
    let is_markdown = settings::text("FORMAT").is_some_and(|format| format == "markdown");
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| kind.name.contains(&wanted)).collect();
    if kinds.is_empty() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        return Err(format!("no kind of attack has '{wanted}' in its name; there are {}", names.join(", ")).into());
    }
    println!(
        "\n(o) a neighbour beside attacks: medians in ms, alone → beside (their ratio, the ratio of the longest)\n"
    );
    table::print_head(is_markdown);
    let compiled = tempfile::tempdir()?;
    let mut largest = Vec::new();
    for kind in kinds {
        for number in kind.numbers() {
            let row = measure(kind, number, time, &compiled)?;
            row.print(is_markdown);
            largest.push(row.largest_ratio());
        }
    }
    let above = largest.iter().filter(|ratio| **ratio > 2.0).count();
    let most = largest.iter().copied().fold(0.0, f64::max);
    println!("\n    largest ratio of medians: {most:.1}; above 2 in {above} of {} rows", largest.len());
    Ok(())
}

/// Measures on a new server, so that no attack leaves anything behind for the next one.
fn measure(kind: &'static Kind, attackers: usize, time: Duration, compiled: &TempDir) -> Outcome<Row> {
    let server = Server::start_sharing(compiled.path(), &["--workers", "2"])?;
    let order =
        Order { kind: kind.name.to_owned(), server: server.address(), attackers: prepare(&server, kind, attackers)? };
    let mut neighbour = Neighbour::new(server.address(), server.tenant("neighbour"))?;
    neighbour.measure(time / 4, &mut Times::default());
    let (mut quiet, mut beside, mut got) = (Times::default(), Times::default(), String::new());
    for _ in 0..PHASES {
        neighbour.wait_for_calm()?;
        neighbour.measure(time, &mut quiet);
        let attack = Attack::start(&order)?;
        neighbour.measure(time, &mut beside);
        got = attack.end()?;
    }
    Ok(Row { kind: kind.name, attackers, quiet, beside, peak_memory: server.peak_memory(), got })
}

/// Adds the attacking tenants with their components. Returns the attackers.
fn prepare(server: &Server, kind: &Kind, count: usize) -> Outcome<Vec<Attacker>> {
    if kind.origin != Origin::Tenants {
        return Ok(vec![Attacker::default(); count]);
    }
    if let Component::Processor(name) | Component::Validator(name) = kind.component {
        server.register(name)?;
    }
    if let Component::Slow(_) = kind.component {
        server.register("rules-a")?;
    }
    let add = |number: usize| {
        let name = format!("rogue{number}");
        let slow = if let Component::Slow(millis) = kind.component { millis } else { 0 };
        let tenant = server.tenant_with(&name, &json!({"settings": {"slow": slow}}));
        match kind.component {
            Component::Default => {}
            Component::Processor(component) => server.command(&["tenant", "set", &name, "--processor", component])?,
            Component::Validator(component) => server.command(&["tenant", "set", &name, "--validator", component])?,
            Component::Slow(..TRIED_MILLIS) => server.command(&["tenant", "set", &name, "--validator", "rules-a"])?,
            Component::Slow(_) => {
                // Otherwise the component is refused, as it takes too long for the items of a trial.
                let limits = server.data().join("slow-limits.json");
                fs::write(&limits, r#"{"callMillis": 5000}"#)?;
                let limits = limits.display().to_string();
                server.command(&["tenant", "set", &name, "--validator", "rules-a", "--limits", &limits])?;
            }
        }
        Ok(Attacker { client_id: tenant.client_id, client_secret: tenant.client_secret })
    };
    (0..count).map(add).collect()
}
