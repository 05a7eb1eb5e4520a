//! A PostgreSQL cluster.

use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::account::Account;
use crate::disk::Disk;
use crate::watchdog::Watchdog;
use crate::{ClusterPart, OpenTransaction, Settings, programs, text};

/// The cluster's superuser.
const USER: &str = "bulkhead";
/// The name of a small disk that holds tables.
const TABLESPACE: &str = "small_disk";
/// Ports to choose from. They are below the ephemeral ports, so that no other program gets a cluster's port between a stop and a
/// start.
const PORTS: std::ops::Range<u16> = 16_000..31_000;
/// Starts that are tried, each with another port.
const MAX_START_ATTEMPTS: usize = 5;
/// The exit code of `pg_ctl status` for a cluster that is down.
const NOT_RUNNING: i32 = 3;

/// A PostgreSQL cluster. It is stopped and removed when this is dropped or the process ends.
#[derive(Debug)]
pub struct Cluster {
    programs: PathBuf,
    account: Account,
    folder: PathBuf,
    data: PathBuf,
    disk: Option<(ClusterPart, Disk)>,
    settings: Settings,
    port: u16,
    databases: AtomicU32,
    _watchdog: Watchdog,
}

impl Cluster {
    /// Starts a cluster with default settings.
    ///
    /// # Panics
    /// If PostgreSQL is not installed or does not start. All methods panic if an operation fails.
    pub fn start() -> Self {
        Self::start_with(&Settings::default())
    }

    /// Starts a cluster with these settings.
    ///
    /// # Panics
    /// As [`Self::start`].
    pub fn start_with(settings: &Settings) -> Self {
        let mut cluster = Self::without_data(settings);
        cluster.create(settings);
        cluster.start_on_free_port();
        cluster.use_disk_for_tables();
        cluster
    }

    /// Makes the folder of a cluster, with nothing in it.
    pub(crate) fn without_data(settings: &Settings) -> Self {
        let programs = settings.other_version().map_or_else(programs::folder, programs::folder_of);
        let mut account = Account::choose();
        // In /tmp, because the path of the temporary folder can be too long for a socket.
        let folder = tempfile::Builder::new().prefix("bulkhead-pg-").tempdir_in("/tmp").expect("/tmp is writable");
        account.give(folder.path());
        let folder = folder.keep();
        let data = folder.join("data");
        if settings.disk().is_some() {
            account = account.in_namespace();
        }
        let mut stop = account.command_line(&programs.join("pg_ctl"));
        stop.extend(["-D", &text(&data), "-m", "immediate", "stop"].map(str::to_owned));
        let (watchdog, disk) = match settings.disk() {
            None => (Watchdog::start(&folder, &stop), None),
            Some(settings) => {
                let (watchdog, disk) = Watchdog::start_with_disk(&folder, &stop, settings.mib, &account);
                (watchdog, Some((settings.part, disk)))
            }
        };
        let (databases, settings) = (AtomicU32::new(0), settings.clone());
        Self { programs, account, folder, data, disk, settings, port: 0, databases, _watchdog: watchdog }
    }

    fn create(&self, settings: &Settings) {
        let folder = text(&self.data);
        let mut args = vec!["--no-sync", "-U", USER, "-E", "UTF8", "--locale=C", "--auth=trust", "-D", &folder];
        // As in most clusters, order and case follow the rules of a language, so that tests find code that depends on them.
        let help = self.command("initdb", &["--help"]);
        if String::from_utf8_lossy(&help.stdout).contains("--icu-locale") {
            args.extend(["--locale-provider=icu", "--icu-locale=en-US"]);
        }
        let wal = text(&match &self.disk {
            Some((ClusterPart::Wal, _)) => Disk::mount_point(&self.folder).join("wal"),
            _ => self.folder.join("wal"),
        });
        if self.disk.is_some() {
            // With small segments, PostgreSQL needs a new one soon.
            args.extend(["--wal-segsize=1", "--waldir", &wal]);
        }
        self.run("initdb", &args);
        if settings.does_listen_everywhere() {
            self.change_rules(|rules| format!("{rules}\nhost all all all trust\n"));
        }
        if let Some((certificate, key)) = settings.certificate_and_key() {
            self.require_tls(certificate, key);
        }
    }

    /// Puts the tables of later databases on the small disk, if that part belongs there.
    fn use_disk_for_tables(&self) {
        if let Some((ClusterPart::Tables, _)) = self.disk {
            let place = text(&Disk::mount_point(&self.folder));
            self.query("postgres", &format!("CREATE TABLESPACE {TABLESPACE} LOCATION '{place}'"));
        }
    }

    /// Writes a certificate where PostgreSQL looks for it, and refuses connections without TLS.
    fn require_tls(&self, certificate: &str, key: &str) {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = self.file(name);
            fs::write(&path, text).expect("the data folder is writable");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("the file was just written");
            self.account.give(&path);
        }
        self.change_rules(|rules| format!("hostnossl all all all reject\n{rules}"));
    }

    /// Changes who may connect, and how.
    fn change_rules(&self, change: impl FnOnce(String) -> String) {
        let path = self.file("pg_hba.conf");
        let rules = fs::read_to_string(&path).expect("initdb wrote it");
        fs::write(path, change(rules)).expect("the data folder is writable");
    }

    pub(crate) fn start_on_free_port(&mut self) {
        let mut failed = String::new();
        for _ in 0..MAX_START_ATTEMPTS {
            self.port = free_port();
            self.configure();
            match self.try_start() {
                Ok(()) => return,
                Err(error) => failed = error,
            }
        }
        panic!("PostgreSQL does not start: {failed}");
    }

    /// Writes the settings, with the port. Of those that are there already, the later ones count.
    pub(crate) fn configure(&self) {
        let own = self.settings.file(self.port, &text(&self.folder));
        let mut file =
            OpenOptions::new().append(true).open(self.file("postgresql.conf")).expect("the data folder is writable");
        file.write_all(format!("\n{own}").as_bytes()).expect("the data folder is writable");
    }

    pub(crate) fn try_start(&self) -> Result<(), String> {
        let log = self.folder.join("log");
        let output = self.pg_ctl(&["-l", &text(&log), "-w", "-t", "60", "-s", "start"]);
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{}\n{}", String::from_utf8_lossy(&output.stderr), self.log()))
    }

    /// Returns PostgreSQL's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Returns the folder that is removed with the cluster.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the port that the cluster listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the URL of a database.
    pub fn url(&self, database: &str) -> String {
        self.url_at("127.0.0.1", database)
    }

    /// Returns the URL of a database by another address of this machine.
    pub fn url_at(&self, address: &str, database: &str) -> String {
        format!("postgres://{USER}@{address}:{}/{database}", self.port)
    }

    /// Creates an empty database, and returns its name.
    pub fn fresh_database(&self) -> String {
        let name = format!("fresh_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let place = match &self.disk {
            Some((ClusterPart::Tables, _)) => TABLESPACE,
            _ => "DEFAULT",
        };
        self.query("postgres", &format!("CREATE DATABASE {name} TABLESPACE {place}"));
        name
    }

    /// Runs a statement, and returns a line for each row, with columns separated by `|`.
    pub fn query(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database).args(["-c", sql]).output().expect("psql can be run");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Begins a transaction and runs a statement in it. The transaction keeps its locks until the returned guard is dropped.
    pub fn open_transaction(&self, database: &str, sql: &str) -> OpenTransaction {
        OpenTransaction::begin(self.psql(database), sql)
    }

    pub(crate) fn psql(&self, database: &str) -> Command {
        let port = self.port.to_string();
        let mut command = clean_command(&text(&self.program("psql")));
        command.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]);
        command.args(["-h", "127.0.0.1", "-p", &port, "-U", USER, "-d", database]);
        command
    }

    /// Cuts the connections to a database whose backends match a condition over `pg_stat_activity`. Returns how many there were.
    pub fn cut_connections(&self, database: &str, condition: &str) -> u32 {
        let cut = format!(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = '{database}' AND backend_type = 'client backend' AND ({condition})"
        );
        self.query("postgres", &cut).parse().expect("the count is a number")
    }

    /// Stops PostgreSQL without a checkpoint and without closing connections properly. Unlike in a power cut, the disk keeps what
    /// was written.
    pub fn stop_immediately(&self) {
        self.control(&["-m", "immediate", "-w", "-s", "stop"]);
    }

    /// Starts PostgreSQL after [`Self::stop_immediately`], on the same port.
    pub fn restart(&self) {
        if let Err(error) = self.try_start() {
            panic!("PostgreSQL does not start again: {error}");
        }
    }

    /// Returns the path of a file of the data folder.
    fn file(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// Returns whether PostgreSQL answers. Tries to start it first if it is down.
    pub fn recovers(&self) -> bool {
        let status = self.pg_ctl(&["status"]);
        if status.status.code() == Some(NOT_RUNNING) {
            return self.try_start().is_ok();
        }
        self.psql("postgres").args(["-c", "SELECT 1"]).output().is_ok_and(|output| output.status.success())
    }

    /// Fills the disk of [`Settings::on_small_disk`], including space that was freed since an earlier call.
    pub fn fill_disk(&self) {
        self.disk().fill();
    }

    /// Frees the space that [`Self::fill_disk`] took.
    pub fn free_disk(&self) {
        self.disk().free();
    }

    fn disk(&self) -> &Disk {
        &self.disk.as_ref().expect("the cluster has a small disk").1
    }

    /// Returns the path of a program. A client can be of another version.
    fn program(&self, name: &str) -> PathBuf {
        let own = self.programs.join(name);
        if own.is_file() { own } else { programs::folder().join(name) }
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Has `pg_ctl` do something with the cluster, which must succeed.
    pub(crate) fn control(&self, args: &[&str]) {
        self.assert_success("pg_ctl", &self.pg_ctl(args));
    }

    fn pg_ctl(&self, args: &[&str]) -> Output {
        self.command("pg_ctl", &[&["-D", &text(&self.data)], args].concat())
    }

    pub(crate) fn run(&self, program: &str, args: &[&str]) {
        self.assert_success(program, &self.command(program, args));
    }

    fn assert_success(&self, program: &str, output: &Output) {
        assert!(output.status.success(), "{program}: {}\n{}", String::from_utf8_lossy(&output.stderr), self.log());
    }

    /// Runs a program of PostgreSQL as the cluster's user.
    pub(crate) fn command(&self, program: &str, args: &[&str]) -> Output {
        let mut line = self.disk.as_ref().map(|(_, disk)| disk.command_prefix()).unwrap_or_default();
        line.extend(self.account.command_line(&self.program(program)));
        clean_command_line(&line).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"))
    }
}

/// As [`clean_command`], for a program with arguments.
pub(crate) fn clean_command_line(line: &[String]) -> Command {
    let (program, args) = line.split_first().expect("the command line is not empty");
    let mut command = clean_command(program);
    command.args(args);
    command
}

/// Returns a command in a folder that every user can enter, without the environment variables of PostgreSQL's programs.
fn clean_command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command.env("LC_ALL", "C").current_dir("/");
    command
}

/// Returns a port that no program listens on.
pub(crate) fn free_port() -> u16 {
    let count = u64::from(PORTS.end - PORTS.start);
    loop {
        let offset = RandomState::new().hash_one(std::process::id()) % count;
        let port = PORTS.start + u16::try_from(offset).expect("the offset is below the count");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
