//! Clusters start, restart and are removed.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bulkhead_postgres::{Cluster, Settings};

/// The environment variable of the process that a test starts and kills.
const VICTIM: &str = "BULKHEAD_POSTGRES_VICTIM";

#[test]
fn a_cluster_restarts_and_is_removed_when_dropped() {
    let cluster = Cluster::start_with(&Settings::default().with("work_mem", "8MB"));
    let (one, other) = (cluster.fresh_database(), cluster.fresh_database());
    assert_ne!(one, other);
    assert_eq!(cluster.url(&one), format!("postgres://bulkhead@127.0.0.1:{}/{one}", cluster.port()));
    cluster.query(&one, "CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2)");
    cluster.stop_immediately();
    cluster.restart();
    assert_eq!(cluster.query(&one, "SELECT n, n + 1 FROM t ORDER BY n"), "1|2\n2|3");
    assert_eq!(cluster.query(&one, "SHOW work_mem"), "8MB");
    assert_eq!(cluster.cut_connections(&one, "pid <> pg_backend_pid()"), 0);
    let folder = cluster.query("postgres", "SHOW data_directory");
    assert!(Path::new(&folder).is_dir());
    drop(cluster);
    assert!(!Path::new(&folder).exists());
}

#[test]
fn a_standby_takes_over_and_the_old_primary_follows_it() {
    let primary = Cluster::start();
    let name = primary.fresh_database();
    primary.query(&name, "CREATE TABLE t (n int)");
    let standby = primary.start_standby();
    primary.commit_with_standby();
    primary.query(&name, "INSERT INTO t VALUES (1)");
    primary.kill9();
    standby.promote();
    assert_eq!(standby.query(&name, "SELECT count(*) FROM t"), "1");
    primary.follow(&standby);
    standby.commit_with_standby();
    standby.query(&name, "INSERT INTO t VALUES (2)");
    standby.stop();
    primary.promote();
    assert_eq!(primary.query(&name, "SELECT count(*) FROM t"), "2");
    primary.query(&name, "INSERT INTO t VALUES (3)");
}

#[test]
fn a_cluster_is_removed_when_its_process_is_killed() {
    if std::env::var_os(VICTIM).is_some() {
        let cluster = Cluster::start();
        println!("folder={}", cluster.query("postgres", "SHOW data_directory"));
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let mut command = Command::new(std::env::current_exe().expect("the test is a program"));
    command
        .args(["--exact", "a_cluster_is_removed_when_its_process_is_killed", "--nocapture"])
        .env(VICTIM, "1")
        .stdout(Stdio::piped());
    let mut victim = command.spawn().expect("the test can be started again");
    let lines = BufReader::new(victim.stdout.take().expect("it was piped")).lines().map_while(Result::ok);
    let folder = lines
        .filter_map(|line| Some(line.split_once("folder=")?.1.to_owned()))
        .next()
        .expect("the victim prints the folder");
    assert!(Path::new(&folder).is_dir());
    victim.kill().and_then(|()| victim.wait()).expect("the victim can be killed");
    let killed = Instant::now();
    while Path::new(&folder).exists() {
        assert!(killed.elapsed() < Duration::from_secs(30), "{folder} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}
