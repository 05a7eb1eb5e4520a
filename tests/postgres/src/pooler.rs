//! PgBouncer between a server and a cluster.

use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::account::Account;
use crate::cluster::{clean_command_line, free_port};
use crate::watchdog::Watchdog;
use crate::{Cluster, programs, text, wait_until};

/// How long PgBouncer may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// PgBouncer in front of a cluster. It ends when this is dropped or the process ends.
#[derive(Debug)]
pub struct Pooler {
    folder: PathBuf,
    account: Account,
    port: u16,
    process: Option<Child>,
    _watchdog: Watchdog,
}

impl Pooler {
    /// Starts PgBouncer with a `pool_mode`: `session` or `transaction`.
    ///
    /// # Panics
    /// If PgBouncer is not there or does not start. All methods panic if an operation fails.
    pub fn start(cluster: &Cluster, mode: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("bulkhead-pool-").tempdir_in("/tmp").expect("/tmp is writable");
        let (account, port) = (Account::choose(), free_port());
        account.give(folder.path());
        let folder = folder.keep();
        let stop = format!("kill -9 $(cat '{}')", text(&folder.join("pid")));
        let watchdog = Watchdog::start(&folder, &["sh", "-c", &stop].map(str::to_owned));
        // With this kind of authentication, each client is the user of the pool.
        let settings = format!(
            "[databases]\n* = user=bulkhead host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\npidfile = {}\nauth_type = any\npool_mode = {mode}\nmax_client_conn = 200\ndefault_pool_size = 100\n\
             server_login_retry = 1\n",
            cluster.port(),
            text(&folder.join("pid"))
        );
        fs::write(folder.join("pgbouncer.ini"), settings).expect("the folder is writable");
        account.give(&folder.join("pgbouncer.ini"));
        let mut pooler = Self { folder, account, port, process: None, _watchdog: watchdog };
        pooler.restart();
        pooler
    }

    /// Starts PgBouncer after [`Self::kill9`], on the same port.
    pub fn restart(&mut self) {
        let programs = programs::pgbouncer();
        let mut command = clean_command_line(&self.account.command_line(&programs.join("pgbouncer")));
        command.arg(self.file("pgbouncer.ini")).env("LD_LIBRARY_PATH", programs.join("../lib"));
        let log = fs::File::create(self.file("log")).expect("the folder is writable");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().expect("PgBouncer can be run"));
        let listens = || TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        let log = || fs::read_to_string(self.file("log")).unwrap_or_default();
        wait_until(START_TIMEOUT, listens, || format!("PgBouncer does not listen:\n{}", log()));
    }

    /// Kills PgBouncer, and with it all connections through it.
    pub fn kill9(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
            drop(fs::remove_file(self.file("pid")));
        }
    }

    /// Returns the URL of a database through the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://bulkhead@127.0.0.1:{}/{database}", self.port)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.kill9();
    }
}
