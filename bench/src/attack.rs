//! An attack on a server, in a process of its own with the usual priority: attackers share the machine with the server, but no
//! thread with those who measure.
//!
//! `bulkhead-bench attack` reads an [`Order`] from the first line of its input, attacks until the input ends or
//! [`LONGEST_ATTACK`] is over, deletes its jobs, and prints what the attackers got.

mod connection;
mod kinds;
mod load;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

pub(crate) use kinds::{Component, KINDS, Kind, Origin};
pub(crate) use load::Attacker;
use load::{ANSWERS, Work};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::Outcome;

/// Time after which an attack ends by itself.
const LONGEST_ATTACK: Duration = Duration::from_secs(120);
/// Time for the attackers to delete their jobs.
const LONGEST_END: Duration = Duration::from_secs(20);
/// Time that the attack needs to be felt, in addition to its preparations.
const RAMP: Duration = Duration::from_millis(500);

/// What to attack and how.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) kind: String,
    pub(crate) server: SocketAddr,
    pub(crate) attackers: Vec<Attacker>,
}

/// A running attack.
pub(crate) struct Attack {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Attack {
    /// Starts an attack and waits until all of it has begun.
    pub(crate) fn start(order: &Order) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("attack")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (process.stdin.take(), process.stdout.take().ok_or("no output")?);
        let mut attack = Self { process, input, output: BufReader::new(output) };
        let line = serde_json::to_string(order)? + "\n";
        attack.input.as_mut().ok_or("no input")?.write_all(line.as_bytes())?;
        let mut begun = String::new();
        attack.output.read_line(&mut begun)?;
        if begun.is_empty() { Err("the attack did not begin".into()) } else { Ok(attack) }
    }

    /// Ends the attack. Returns what the attackers got.
    pub(crate) fn end(mut self) -> Outcome<String> {
        drop(self.input.take());
        let mut got = String::new();
        self.output.read_to_string(&mut got)?;
        self.process.wait()?;
        Ok(got.trim().to_owned())
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Attacks as the input says.
pub(crate) fn run() -> Outcome<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let kind = KINDS.iter().find(|kind| kind.name == order.kind).ok_or("no such attack")?;
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        ended.send(()).ok();
        thread::sleep(LONGEST_END);
        std::process::exit(1);
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        for (number, attacker) in (2..).zip(&order.attackers) {
            let from = Ipv4Addr::new(127, 0, 0, number);
            let work = Work { attacker: attacker.clone(), from, server: order.server };
            for load in kind.loads {
                load.start(&work, order.attackers.len()).await?;
            }
        }
        tokio::time::sleep(RAMP).await;
        println!("begun");
        drop(tokio::time::timeout(LONGEST_ATTACK, end).await);
        Ok::<_, std::io::Error>(())
    })?;
    // Ends all tasks, which would otherwise send new jobs.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let answers = std::mem::take(&mut *ANSWERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(load::delete_jobs());
    let shown = |(status, count): (&u16, &u64)| match status {
        0 => format!("closed: {count}"),
        status => format!("{status}: {count}"),
    };
    println!("{}", answers.iter().map(shown).collect::<Vec<_>>().join(", "));
    Ok(())
}
