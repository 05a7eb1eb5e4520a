//! Two servers of an earlier version that are replaced by this one under load.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bulkhead_postgres::Settings;
use bulkhead_tests::CommandLine;

use crate::check::compare;
use crate::deployment::{Deployment, Kind};
use crate::driver::drive_while;
use crate::servers::{CALL_TIMEOUT, Servers, serve};

const SERVERS: usize = 2;
const LEASE: Duration = Duration::from_secs(2);
/// Tenants that send jobs.
const TENANTS: u64 = 3;
/// Jobs that are finished between two steps.
const JOBS: u64 = 5;
/// Time in which they must be.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// The outcome of an upgrade.
#[derive(Debug)]
pub struct Upgrade {
    /// Whether this version has another schema.
    pub changed_schema: bool,
    /// Whether the servers were replaced one after the other.
    pub was_rolling: bool,
    /// Jobs that were compared.
    pub jobs: usize,
    /// The differences; empty if all is correct.
    pub wrong: Vec<String>,
}

/// Replaces servers of the program `earlier` by this version's, as `docs/upgrading.md` says.
///
/// # Panics
/// If a server does not start, a call gets an answer that no client should get, or a job never ends.
pub fn upgrade(earlier: &Path, seed: u64) -> Upgrade {
    let deployment = Deployment::new(Kind::Postgres, &Settings::default());
    deployment.set_program(Some(earlier));
    let store = Arc::clone(&deployment);
    let servers = Servers::start_with(SERVERS, CALL_TIMEOUT, move |_| serve(&store.command_line(), "127.0.0.1", LEASE));
    let (old, new) = (deployment.command_line(), deployment.command_line().program(&bulkhead_tests::binary()));
    let replacing = || replace(&deployment, &servers, &old, &new);
    let (sent, (changed_schema, was_rolling, mut wrong)) = drive_while(&deployment, &servers, TENANTS, seed, replacing);
    for sent in &sent {
        wrong.extend(compare(&deployment, &servers, sent));
    }
    let jobs = sent.iter().map(|sent| sent.jobs.len()).sum();
    Upgrade { changed_schema, was_rolling, jobs, wrong }
}

/// Returns whether the schema is another one, whether the servers were replaced one after the other, and what went wrong.
fn replace(
    deployment: &Deployment,
    servers: &Servers,
    old: &CommandLine,
    new: &CommandLine,
) -> (bool, bool, Vec<String>) {
    let mut wrong = Vec::new();
    wait_for_jobs(deployment, servers);
    let changed_schema = new.run(&["tenant", "list"]).code != Some(0);
    if changed_schema {
        // A command and a server of this version change nothing while those servers run.
        let limited = new.clone().prefix(["timeout", "60"].map(str::to_owned).to_vec());
        for (args, said) in [
            (["tenant", "list"].as_slice(), "was written by an earlier bulkhead"),
            (["serve", "--listen", "127.0.0.1:0"].as_slice(), "servers of earlier versions are using it"),
        ] {
            let refused = limited.run(args);
            if refused.code != Some(2) || !refused.stderr.contains(said) {
                wrong.push(format!("{args:?} beside an earlier server: {refused:?}"));
            }
        }
    }
    let migrated = new.run(&["migrate"]);
    let was_rolling = migrated.code == Some(0);
    if !was_rolling && !migrated.stderr.contains("stop them first") {
        wrong.push(format!("migrate beside earlier servers: {migrated:?}"));
    }
    if was_rolling {
        wait_for_jobs(deployment, servers);
        deployment.set_program(None);
        for place in 0..SERVERS {
            servers.take(place).terminate();
            servers.restart(place);
            wait_for_jobs(deployment, servers);
        }
    } else {
        for place in 0..SERVERS {
            servers.take(place).terminate();
        }
        deployment.set_program(None);
        (0..SERVERS).for_each(|place| servers.restart(place));
        wait_for_jobs(deployment, servers);
    }
    let listed = old.run(&["tenant", "list"]);
    let is_right =
        if was_rolling { listed.code == Some(0) } else { listed.stderr.contains("written by a newer bulkhead") };
    if !is_right {
        wrong.push(format!("an earlier command behind the upgrade: {listed:?}"));
    }
    (changed_schema, was_rolling, wrong)
}

fn wait_for_jobs(deployment: &Deployment, servers: &Servers) {
    let (begun, before) = (Instant::now(), deployment.finished());
    while deployment.finished() < before + JOBS {
        assert!(begun.elapsed() < STEP_TIMEOUT, "jobs do not end\n{}", servers.shown_logs());
        thread::sleep(Duration::from_millis(20));
    }
}
