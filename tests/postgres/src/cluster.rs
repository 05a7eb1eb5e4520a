//! A cluster.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::account::Account;
use crate::disk::Disk;
use crate::stuck::Stuck;
use crate::watchdog::Watchdog;
use crate::{Part, Settings, programs, text};

/// Its only user, who may do everything.
const USER: &str = "bulkhead";
/// Ports to choose from: below those that systems give to whoever asks for any, so that nobody takes one between a stop and a
/// start.
const PORTS: std::ops::Range<u16> = 16_000..31_000;
/// Starts that are tried with a port each.
const TRIES: usize = 5;
/// What `pg_ctl status` answers with about a cluster that is down.
const NOT_RUNNING: i32 = 3;

/// A PostgreSQL cluster; stopped and removed when it is dropped or its process ends.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    account: Account,
    folder: PathBuf,
    /// Its data folder, as its programs see it.
    data: PathBuf,
    disk: Option<(Part, Disk)>,
    port: u16,
    databases: AtomicU32,
    _watchdog: Watchdog,
}

impl Cluster {
    /// One that is fast.
    ///
    /// # Panics
    /// If there is no PostgreSQL, or it does not start; as all methods below do if PostgreSQL does not do as it is told.
    pub fn start() -> Self {
        Self::start_with(&Settings::default())
    }

    /// One that is run as asked.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(settings: &Settings) -> Self {
        let (programs, mut account) = (programs::folder(), Account::choose());
        // Not where temporary files are: that can be too long a path for a socket.
        let folder =
            tempfile::Builder::new().prefix("bulkhead-pg-").tempdir_in("/tmp").expect("/tmp can be written to");
        account.give(folder.path());
        let folder = folder.keep();
        let place = match settings.disk() {
            Some(wanted) if wanted.part == Part::Tables => Disk::place(&folder),
            _ => folder.clone(),
        };
        let data = place.join("data");
        if settings.disk().is_some() {
            account = account.where_mapped();
        }
        let mut stop = account.words(&programs.join("pg_ctl"));
        stop.extend(["-D", &text(&data), "-m", "immediate", "stop"].map(str::to_owned));
        let (watchdog, disk) = match settings.disk() {
            None => (Watchdog::start(&folder, &stop), None),
            Some(wanted) => {
                let (watchdog, disk) = Watchdog::start_with_disk(&folder, &stop, wanted.mib, &account);
                (watchdog, Some((wanted.part, disk)))
            }
        };
        let databases = AtomicU32::new(0);
        let mut cluster = Self { programs, account, folder, data, disk, port: 0, databases, _watchdog: watchdog };
        cluster.make(settings);
        cluster.start_on_some_port(settings);
        cluster
    }

    fn make(&self, settings: &Settings) {
        let folder = text(&self.data);
        let mut args = vec!["--no-sync", "-U", USER, "-E", "UTF8", "--locale=C", "--auth=trust", "-D", &folder];
        // As most clusters have it: order and case by a language's rules. What must not depend on them shows it here.
        let help = self.command("initdb", &["--help"]);
        if String::from_utf8_lossy(&help.stdout).contains("--icu-locale") {
            args.extend(["--locale-provider=icu", "--icu-locale=en-US"]);
        }
        let changes = text(&match &self.disk {
            Some((Part::Changes, _)) => Disk::place(&self.folder).join("changes"),
            _ => self.folder.join("changes"),
        });
        if self.disk.is_some() {
            // In small pieces, so that there is a new one to be made soon.
            args.extend(["--wal-segsize=1", "--waldir", &changes]);
        }
        self.run("initdb", &args);
        if settings.is_everywhere() {
            let path = self.file("pg_hba.conf");
            let rules = fs::read_to_string(&path).expect("initdb made it");
            fs::write(path, format!("{rules}\nhost all all all trust\n")).expect("it can be written");
        }
        if let Some((certificate, key)) = settings.certificate_and_key() {
            self.speak_tls(certificate, key);
        }
    }

    /// A certificate where PostgreSQL looks for it, and nobody without.
    fn speak_tls(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.file(name);
            fs::write(&path, text).expect("it can be written");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it was just made");
            self.account.give(&path);
        }
        let path = self.file("pg_hba.conf");
        let rules = fs::read_to_string(&path).expect("initdb made it");
        fs::write(path, format!("hostnossl all all all reject\n{rules}")).expect("it can be written");
    }

    fn start_on_some_port(&mut self, settings: &Settings) {
        let path = self.file("postgresql.conf");
        let defaults = fs::read_to_string(&path).expect("initdb made it");
        let mut failed = String::new();
        for _ in 0..TRIES {
            self.port = free_port();
            let own = settings.file(self.port, &text(&self.folder));
            fs::write(&path, format!("{defaults}\n{own}")).expect("it can be written");
            match self.try_launch() {
                Ok(()) => return,
                Err(error) => failed = error,
            }
        }
        panic!("PostgreSQL does not start: {failed}");
    }

    fn try_launch(&self) -> Result<(), String> {
        let log = self.folder.join("log");
        let args = ["-D", &text(&self.data), "-l", &text(&log), "-w", "-t", "60", "-s", "start"];
        let output = self.command("pg_ctl", &args);
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{}\n{}", String::from_utf8_lossy(&output.stderr), self.log()))
    }

    /// What PostgreSQL wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The folder that goes with the cluster.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How to reach one of its databases.
    pub fn url(&self, database: &str) -> String {
        self.url_at("127.0.0.1", database)
    }

    /// How to reach one of its databases by another address of this machine.
    pub fn url_at(&self, address: &str, database: &str) -> String {
        format!("postgres://{USER}@{address}:{}/{database}", self.port)
    }

    /// Makes an empty database; returns its name.
    pub fn fresh_database(&self) -> String {
        let name = format!("fresh_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// What a statement answers: a line for each row, columns separated by `|`.
    pub fn query(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database).args(["-c", sql]).output().expect("psql can be run");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Begins a transaction, runs a statement in it and leaves it open, with its locks, until the guard is dropped.
    pub fn begin_and_stay(&self, database: &str, sql: &str) -> Stuck {
        Stuck::begin(self.psql(database), sql)
    }

    pub(crate) fn psql(&self, database: &str) -> Command {
        let port = self.port.to_string();
        let mut command = plain(&text(&self.programs.join("psql")));
        command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]);
        command.args(["-h", "127.0.0.1", "-p", &port, "-U", USER, "-d", database]);
        command
    }

    /// Cuts all connections to a database, or those whose backends match a condition over `pg_stat_activity`; returns how
    /// many there were.
    pub fn cut_connections(&self, database: &str, condition: &str) -> u32 {
        let cut = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = '{database}' AND backend_type = 'client backend' AND ({condition})"
        );
        self.query("postgres", &cut).parse().expect("a number")
    }

    /// Stops PostgreSQL as a power cut would, but for what the disk had not got yet: no goodbye to anybody, no checkpoint.
    pub fn stop_at_once(&self) {
        self.run("pg_ctl", &["-D", &text(&self.data), "-m", "immediate", "-w", "-s", "stop"]);
    }

    /// Starts it again after [`Self::stop_at_once`], on the same port.
    pub fn start_again(&self) {
        if let Err(error) = self.try_launch() {
            panic!("PostgreSQL does not start again: {error}");
        }
    }

    /// A file of its data folder, as this process sees it.
    fn file(&self, name: &str) -> PathBuf {
        let path = self.data.join(name);
        match &self.disk {
            Some((Part::Tables, disk)) => disk.seen_from_outside(&path),
            _ => path,
        }
    }

    /// Whether it answers; if it has gone down, it is started again.
    pub fn answers(&self) -> bool {
        let status = self.command("pg_ctl", &["-D", &text(&self.data), "status"]);
        if status.status.code() == Some(NOT_RUNNING) {
            return self.try_launch().is_ok();
        }
        self.psql("postgres").args(["-c", "SELECT 1"]).output().is_ok_and(|output| output.status.success())
    }

    /// Fills the disk that [`Settings::on_a_disk`] gave it, also what has become free since.
    pub fn fill_disk(&self) {
        self.disk().fill();
    }

    /// Makes room again after [`Self::fill_disk`].
    pub fn free_disk(&self) {
        self.disk().free();
    }

    fn disk(&self) -> &Disk {
        &self.disk.as_ref().expect("it has a disk of its own").1
    }

    pub(crate) fn run(&self, program: &str, args: &[&str]) {
        let output = self.command(program, args);
        assert!(output.status.success(), "{program}: {}\n{}", String::from_utf8_lossy(&output.stderr), self.log());
    }

    /// Runs a program as the cluster's owner.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Output {
        let mut words = self.disk.as_ref().map(|(_, disk)| disk.words()).unwrap_or_default();
        words.extend(self.account.words(&self.programs.join(program)));
        let (first, rest) = words.split_first().expect("a program is a word");
        plain(first).args(rest).args(args).output().unwrap_or_else(|error| panic!("{first}: {error}"))
    }
}

/// A command in a folder that everybody can enter, without what tells PostgreSQL's programs where to go or what to speak.
fn plain(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").current_dir("/");
    command
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    let count = u64::from(PORTS.end - PORTS.start);
    loop {
        let place = RandomState::new().hash_one(std::process::id()) % count;
        let port = PORTS.start + u16::try_from(place).expect("it is below the count");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
