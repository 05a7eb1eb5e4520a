//! The server while it is busy: what an operator pays for. Eight tenants always have two jobs of 10,000 contacts each under way, in
//! turn one that creates contacts and one that merges into them.

use std::time::Duration;

use crate::deployment::{Deployment, Store};
use crate::{Outcome, contacts, cpu, floor, load, settings};

/// For how long jobs are sent, unless `SECONDS` says otherwise.
const TIME: Duration = Duration::from_secs(20);
/// Rounds of the floor.
const FLOORS: usize = 10;

/// Measures the server on both stores, or on that of `STORE`. `CONTACTS` is how many contacts the tenants have together before.
pub(crate) fn busy(items: &[String]) -> Outcome<()> {
    let (stored, time) = (settings::number("CONTACTS", 0)?, settings::time(TIME)?);
    let rows = floor::rows(items);
    let before = cpu::of_process(std::process::id())?;
    for _ in 0..FLOORS {
        floor::insert(&rows)?;
    }
    let floor = (cpu::of_process(std::process::id())? - before) / (FLOORS * rows.len()) as f64 * 1e6;
    println!("\n(p) floor: CPU of plain SQLite for the same rows: {floor:.1} µs a contact");
    for store in settings::stores()? {
        measure(store, items, stored, time, floor)?;
    }
    Ok(())
}

fn measure(store: Store, items: &[String], stored: usize, time: Duration, floor: f64) -> Outcome<()> {
    let deployment = Deployment::start(store, &[])?;
    let tokens = load::add_tenants(&deployment.server);
    if stored > 0 {
        let jobs = stored.div_ceil(contacts::COUNT * load::TENANTS);
        let filled = load::fill(&deployment.server, &tokens, items, jobs)?;
        println!(
            "    {}: {} contacts stored before, in {:.0} s; {:.2} GB on disk",
            store.name(),
            jobs * contacts::COUNT * load::TENANTS,
            filled.as_secs_f64(),
            deployment.disk_bytes()? as f64 / 1e9
        );
    }
    let cost = load::keep_busy(&deployment, &tokens, items, time)?;
    let all = cost.micros(cost.all.servers);
    let database = match store {
        Store::Sqlite => String::new(),
        Store::Postgres => format!(", of the database {:.1}", cost.micros(cost.all.database)),
    };
    println!(
        "    {}: {} jobs, {:.0} contacts a second; CPU of the server {:.1} µs a contact, with the index of words {all:.1}: {:.1} times the floor{database}; in lists {:.0} ms after the last job",
        store.name(),
        cost.jobs,
        cost.contacts_a_second(),
        cost.micros(cost.of_jobs.servers),
        all / floor,
        cost.listed.as_secs_f64() * 1e3
    );
    Ok(())
}
