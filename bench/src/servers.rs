//! One, two and three servers on one PostgreSQL database, under the load of [`crate::busy`].

use std::thread;
use std::time::Duration;

use crate::deployment::{Database, Deployment};
use crate::load::Cost;
use crate::postgres::floor::Floor;
use crate::{Outcome, cpu, floor, load, settings};

/// Servers at most.
const MOST: usize = 3;
/// Rounds, in each of which there are one server, two and three, in turn and on a new database.
const ROUNDS: usize = 3;
/// For how long jobs are sent, unless `SECONDS` says otherwise.
const TIME: Duration = Duration::from_secs(20);
/// Rounds of the floor.
const FLOORS: usize = 10;

/// Measures contacts a second, and the processor time of a contact.
pub(crate) fn servers(items: &[String]) -> Outcome<()> {
    let (rounds, time) = (settings::number("ROUNDS", ROUNDS)?.max(1), settings::time(TIME)?);
    let cores = thread::available_parallelism()?;
    println!(
        "\n(s) servers on one database, which share {cores} cores with it and the clients; medians of {rounds} rounds of {} s",
        time.as_secs_f64()
    );
    let floor = floor(items)?;
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); MOST];
    for _ in 0..rounds {
        for (count, costs) in (1..).zip(&mut costs) {
            let deployment = Deployment::start_servers(count, &[])?;
            let tokens = load::add_tenants(&deployment.server);
            costs.push(load::keep_busy(&deployment, &tokens, items, time)?);
        }
    }
    let rate = |costs: &[Cost]| median(costs, Cost::contacts_a_second);
    let one = costs.first().map_or(f64::NAN, |costs| rate(costs));
    for (count, costs) in (1..).zip(&costs) {
        let servers = median(costs, |cost| cost.micros(cost.all.servers));
        let database = median(costs, |cost| cost.micros(cost.all.database));
        println!(
            "    {count} server{}: {:.0} contacts a second, {:.2} times as many as one; CPU a contact, with the index of words: servers {servers:.1} µs, database {database:.1} µs, together {:.1} times the floor, clients {:.1} µs; {:.2} cores in use; in lists {:.0} ms after the last job",
            if count == 1 { "" } else { "s" },
            rate(costs),
            rate(costs) / one,
            (servers + database) / floor,
            median(costs, |cost| cost.micros(cost.clients)),
            median(costs, |cost| (cost.of_jobs.servers + cost.of_jobs.database + cost.clients)
                / cost.time.as_secs_f64()),
            median(costs, |cost| cost.listed.as_secs_f64() * 1e3)
        );
    }
    Ok(())
}

/// Returns the microseconds of a contact that a plain driver and the database use for the same rows.
fn floor(items: &[String]) -> Outcome<f64> {
    let rows = floor::rows(items);
    let database = Database::start()?;
    let mut plain = Floor::new(&database.url())?;
    let before = (cpu::of_process(std::process::id())?, database.cpu()?);
    for _ in 0..FLOORS {
        plain.unnest(&rows)?;
    }
    let micros = |seconds: f64| seconds / (FLOORS * rows.len()) as f64 * 1e6;
    let own = micros(cpu::of_process(std::process::id())? - before.0);
    let of_database = micros(database.cpu()? - before.1);
    println!(
        "    floor: CPU for the same rows: a plain driver {own:.1} µs a contact, its database {of_database:.1} µs"
    );
    Ok(own + of_database)
}

fn median(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    let mut sorted: Vec<f64> = costs.iter().map(of).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
