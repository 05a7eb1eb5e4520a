//! What it costs to look before and to undo after: jobs whose changes are kept against jobs whose changes are not, and dry runs and
//! undos against jobs.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::deployment::{Deployment, Store};
use crate::server::Server;
use crate::{Outcome, contacts, ratio, settings, show};

const ROUNDS: usize = 9;
const POLL_PAUSE: Duration = Duration::from_millis(1);
const NEW: &str = "/api/contacts/bulk/new";
/// The times, each for jobs that create contacts and for jobs that change all of them.
const LINES: [&str; 5] = [
    "a job whose changes are not kept",
    "a job whose changes are kept",
    "a dry run",
    "a dry run that shows what would change",
    "an undo",
];

/// Measures all of it on both stores, or on that of `STORE`.
pub(crate) fn assurance(items: &[String]) -> Outcome<()> {
    let changed: Vec<String> = items.iter().map(|item| with_another_city(item)).collect::<Outcome<_>>()?;
    let bodies = [contacts::body(items), contacts::body(&changed)];
    for store in settings::stores()? {
        let deployment = Deployment::start(store, &[])?;
        let mut times: [[Vec<Duration>; LINES.len()]; 2] = Default::default();
        for round in 0..ROUNDS {
            measure(&deployment.server, round, &bodies, &mut times)?;
        }
        print(store, &times);
    }
    Ok(())
}

fn with_another_city(item: &str) -> Outcome<String> {
    let mut item: Value = serde_json::from_str(item)?;
    if let Some(members) = item.as_object_mut() {
        members.insert(String::from("city"), Value::from("Elsewhere"));
    }
    Ok(item.to_string())
}

fn measure(
    server: &Server,
    round: usize,
    bodies: &[Vec<u8>; 2],
    times: &mut [[Vec<Duration>; LINES.len()]; 2],
) -> Outcome<()> {
    let names = [format!("forgetful{round}"), format!("careful{round}")];
    let [forgetful, careful] = names.each_ref().map(|name| server.tenant(name));
    server.limit(&names[0], r#"{"undoDays":0}"#)?;
    for (body, [not_kept, kept, tried, shown, undone]) in bodies.iter().zip(times) {
        let job = |token: &str, path: &str, body: &[u8]| time(server, token, path, body);
        tried.push(job(&careful, &format!("{NEW}?dryRun=1"), body)?.1);
        shown.push(job(&careful, &format!("{NEW}?dryRun=1&diff=1"), body)?.1);
        // Each side is first in turn.
        let mut id = String::new();
        let kept_first = round.is_multiple_of(2);
        for is_kept in [kept_first, !kept_first] {
            if is_kept {
                let (job, took) = job(&careful, NEW, body)?;
                id = job;
                kept.push(took);
            } else {
                not_kept.push(job(&forgetful, NEW, body)?.1);
            }
        }
        let (undo, took) = job(&careful, &format!("/api/contacts/job/{id}/undo"), &[])?;
        undone.push(took);
        // The next body changes what is there.
        job(&careful, &format!("/api/contacts/job/{undo}/undo"), &[])?;
    }
    Ok(())
}

/// Returns a job's id and the time until it is completed and until lists have what it changed, so that it leaves no work for the next
/// one; only the first counts.
fn time(server: &Server, token: &str, path: &str, body: &[u8]) -> Outcome<(String, Duration)> {
    let started = Instant::now();
    let (status, accepted) = server.call(token, path, body)?;
    let id = accepted.get("id").and_then(Value::as_str).ok_or_else(|| format!("{status}: {accepted}"))?.to_owned();
    while server.status(token, &id)? != "completed" {
        thread::sleep(POLL_PAUSE);
    }
    let took = started.elapsed();
    server.total(token)?;
    Ok((id, took))
}

fn print(store: Store, times: &[[Vec<Duration>; LINES.len()]; 2]) {
    println!("\n(s) on {}, for 10,000 contacts that are created, and for as many that are changed", store.name());
    let [created, changed] = times;
    for (place, line) in LINES.into_iter().enumerate() {
        println!(
            "    {line:40} {}  ratio {:.2}   {}  ratio {:.2}",
            show(&created[place]),
            ratio(&created[place], &created[0]),
            show(&changed[place]),
            ratio(&changed[place], &changed[0]),
        );
    }
}
