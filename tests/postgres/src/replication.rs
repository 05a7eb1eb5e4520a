//! Streaming replication: a standby, its promotion, and an old primary that comes back as a standby.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::{Cluster, text, wait_until};

/// How long a standby may take to follow.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(60);
/// The standbys for which commits wait.
const SYNCHRONOUS: &str = "synchronous_standby_names";

impl Cluster {
    /// Starts a standby of this cluster. Commits do not wait for it yet.
    pub fn start_standby(&self) -> Self {
        let mut standby = Self::without_data(self.settings());
        standby.copy(self);
        standby.start_on_free_port();
        self.wait_for_standby("state = 'streaming'");
        standby
    }

    /// Makes this cluster, which is down, a standby of `primary`, with nothing of what it had.
    pub fn follow(&self, primary: &Self) {
        fs::remove_dir_all(self.data()).expect("the data folder can be removed");
        self.copy(primary);
        self.configure();
        if let Err(error) = self.try_start() {
            panic!("the standby does not start: {error}");
        }
        primary.wait_for_standby("state = 'streaming'");
    }

    /// Copies the data of `primary`, and what to do to follow it.
    fn copy(&self, primary: &Self) {
        let url = primary.url("postgres");
        self.run(
            "pg_basebackup",
            &["-d", &url, "-D", &text(self.data()), "-X", "stream", "-R", "--no-sync", "-c", "fast"],
        );
        // As root, the account of the cluster wrote the folder, and its own settings come with the copy.
        fs::OpenOptions::new()
            .append(true)
            .open(self.data().join("postgresql.auto.conf"))
            .and_then(|mut file| std::io::Write::write_all(&mut file, format!("{SYNCHRONOUS} = ''\n").as_bytes()))
            .expect("the data folder is writable");
    }

    /// Makes commits wait until the standby has them on its disk, and waits until they do. Without a standby they wait for ever,
    /// until [`Self::commit_alone`].
    pub fn commit_with_standby(&self) {
        self.set_synchronous("*");
        self.wait_for_standby("sync_state = 'sync'");
    }

    /// Makes commits wait for no standby.
    pub fn commit_alone(&self) {
        self.set_synchronous("");
    }

    fn set_synchronous(&self, names: &str) {
        self.query("postgres", &format!("ALTER SYSTEM SET {SYNCHRONOUS} = '{names}'"));
        self.query("postgres", "SELECT pg_reload_conf()");
    }

    fn wait_for_standby(&self, condition: &str) {
        let sql =
            format!("SELECT count(*) FROM pg_stat_replication WHERE application_name = 'walreceiver' AND {condition}");
        let failed = || format!("no standby with {condition}\n{}", self.log());
        wait_until(FOLLOW_TIMEOUT, || self.query("postgres", &sql) != "0", failed);
    }

    /// Makes this standby a primary, and waits until it takes writes.
    pub fn promote(&self) {
        self.control(&["-w", "-s", "promote"]);
    }

    /// Stops PostgreSQL as an operator does. A standby has everything then.
    pub fn stop(&self) {
        self.control(&["-m", "fast", "-w", "-s", "stop"]);
    }

    /// Kills all processes of PostgreSQL.
    pub fn kill9(&self) {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("PostgreSQL runs");
        let first = file.lines().next().expect("it has a line").to_owned();
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", &first]).output().expect("ps can be run");
        let children = String::from_utf8_lossy(&children.stdout).into_owned();
        // The first one first, so that it starts no others. Some end by themselves meanwhile.
        for process in std::iter::once(first.as_str()).chain(children.split_whitespace()) {
            drop(Command::new("kill").args(["-9", process]).output().expect("kill can be run"));
        }
        let runs = || Command::new("kill").args(["-0", &first]).output().is_ok_and(|output| output.status.success());
        wait_until(FOLLOW_TIMEOUT, || !runs(), || String::from("PostgreSQL does not end"));
    }
}
