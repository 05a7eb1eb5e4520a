//! A test's server: its start and stop, its clients and its store.

use std::cell::Cell;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

#[cfg(target_os = "linux")]
use crate::FrozenThread;
use crate::client::Client;
use crate::command::{Finished, under};
use crate::exclusive::Turn;
use crate::log::Log;
use crate::options::{ADMIN_TOKEN, Options};
use crate::process::ServerProcess;
use crate::raw_socket::RawSocket;
use crate::{CommandLine, DEADLINE, Database, Tenant, Visitor, files, wait_until};

/// A server with a folder for itself; killed when it is dropped.
pub struct Server {
    folder: TempDir,
    options: Options,
    command_line: CommandLine,
    log: Log,
    process: Option<ServerProcess>,
    /// The line of the log at which [`Self::wait_for_event`] goes on.
    next_line: usize,
    _turn: Option<Turn>,
}

impl Server {
    /// Starts a server with the default component and settings.
    pub fn start() -> Self {
        Options::default().start()
    }

    pub(crate) fn start_with(options: Options, turn: Option<Turn>) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let data = folder.path().join("data");
        options.fill(&data);
        let command_line = options.command_line(&data);
        let (log, process) = (Log::default(), None);
        let mut server = Self { folder, options, command_line, log, process, next_line: 0, _turn: turn };
        if let Some(ahead) = server.options.clock {
            server.set_clock(ahead);
        }
        // Compiling the default component takes half a second, which every test would spend.
        files::share(&files::compiled(), &data.join("compiled")).expect("machine code can be copied");
        server.restart();
        files::share(&data.join("compiled"), &files::compiled()).expect("machine code can be copied");
        server
    }

    /// Starts the server again on the same folder, after [`Self::kill9`] or [`Self::terminate`].
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the server still runs");
        match ServerProcess::start(self.serve(), &self.log) {
            Ok(process) => self.process = Some(process),
            Err(error) => panic!("{error}"),
        }
    }

    fn serve(&self) -> Command {
        let mut command = self.command_line.serve("127.0.0.1");
        command.arg("--clock-offset-file").arg(self.clock_file()).args(self.options.serve_args());
        if self.options.survives_file_limits {
            // The system sends XFSZ for a write beyond the limit, which would end the server.
            let words = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""].map(str::to_owned);
            command = under(&words, &command);
        }
        if let Some(limit) = &self.options.descriptors {
            let words = ["sh", "-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")].map(str::to_owned);
            command = under(&words, &command);
        }
        command
    }

    /// Returns the data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Returns the path of a file next to the data folder.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn clock_file(&self) -> PathBuf {
        self.scratch("clock")
    }

    /// Sets the server's clock ahead of the machine's, in whole seconds.
    pub fn set_clock(&self, ahead: Duration) {
        // A rename, so that the server never reads half a number.
        let partial = self.scratch("clock.partial");
        fs::write(&partial, ahead.as_secs().to_string()).expect("a file can be written");
        fs::rename(partial, self.clock_file()).expect("a file can be renamed");
    }

    fn process(&self) -> &ServerProcess {
        self.process.as_ref().expect("the server runs")
    }

    fn take_process(&mut self) -> ServerProcess {
        self.process.take().expect("the server runs")
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.process().address()
    }

    /// Returns the line that the server printed when it listened.
    pub fn startup_line(&self) -> &str {
        self.process().startup_line()
    }

    /// Returns the URL for clients, without a slash at its end.
    pub fn url(&self) -> String {
        self.process().url()
    }

    /// Adds a tenant with the default profile.
    pub fn add_tenant(&self, name: &str) -> Tenant {
        self.command_line.add_tenant(name)
    }

    /// Adds a tenant with a profile.
    pub fn add_tenant_with(&self, name: &str, profile: &Value) -> Tenant {
        self.command_line.add_tenant_with(name, profile)
    }

    /// Allows a tenant's components the longest calls, so that a test can stop one before the limit does, or so that a busy machine
    /// does not make a slow one fail.
    pub fn allow_long_calls(&self, tenant: &str) {
        self.set_limits(tenant, &serde_json::json!({"callMillis": 5_000, "itemMillis": 20}));
    }

    /// Replaces a tenant's limits.
    pub fn set_limits(&self, tenant: &str, limits: &Value) {
        self.command_line.set_limits(tenant, limits);
    }

    /// Returns a client that calls as a tenant.
    pub fn client(&self, tenant: &Tenant) -> Client {
        self.client_with(Some(&tenant.authorization()))
    }

    /// Returns a client of a new tenant.
    pub fn new_client(&self, name: &str) -> Client {
        self.client(&self.add_tenant(name))
    }

    /// Returns a client with an `Authorization` header, or none.
    pub fn client_with(&self, authorization: Option<&str>) -> Client {
        Client::new(self.url(), authorization.map(str::to_owned))
    }

    /// Returns a client that calls as an operator. The server must have been started with [`Options::admin`].
    pub fn operator(&self) -> Client {
        self.operator_with(Some(&format!("Bearer {ADMIN_TOKEN}")))
    }

    /// Returns a client that calls the operators' listener with an `Authorization` header, or none.
    pub fn operator_with(&self, authorization: Option<&str>) -> Client {
        Client::new(format!("http://{}", self.admin_address()), authorization.map(str::to_owned))
    }

    /// Returns the address for operators. The server must have been started with [`Options::admin`].
    pub fn admin_address(&self) -> SocketAddr {
        self.process().admin_address().expect("there is a listener for operators")
    }

    /// Returns the address of the console. The server must have been started with [`Options::console`].
    pub fn console_address(&self) -> SocketAddr {
        self.process().console_address().expect("there is a console")
    }

    /// Returns somebody who opens the console.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(Client::new(format!("http://{}", self.console_address()), None).unrecorded())
    }

    /// Returns the address for health checks. The server must have been started with [`Options::health`].
    pub fn health_address(&self) -> SocketAddr {
        self.process().health_address().expect("there is a listener for health checks")
    }

    /// Runs an operator's command on the server's store, such as `component list`.
    pub fn command_line(&self, args: &[&str]) -> Finished {
        self.command_line.run(args)
    }

    /// Waits for the log of a job whose components print something, and returns it. The output is stored after the job is completed.
    pub fn job_log(&self, job: &str) -> String {
        wait_until("the job's log", || {
            let log = self.command_line(&["job", "log", job]).expect(0).stdout;
            (!log.is_empty()).then_some(log)
        })
    }

    /// Opens a connection to the server.
    pub fn connect(&self) -> RawSocket {
        RawSocket::connect(self.address())
    }

    /// Opens the server's SQLite database for reading, also while the server is down. On a disk that only the server sees,
    /// opens a copy.
    pub fn database(&self) -> Database {
        if self.options.disk.is_none() {
            return Database::open(&self.data().join("bulkhead.sqlite"));
        }
        let copy = self.scratch("copy.sqlite");
        drop(fs::remove_file(&copy));
        self.command_line(&["backup", &copy.display().to_string()]).expect(0);
        Database::open(&copy)
    }

    /// Waits for the next log entry of an event, after the entry that was waited for last. Returns its fields.
    ///
    /// # Panics
    /// If there is none within [`DEADLINE`].
    pub fn wait_for_event(&mut self, event: &str) -> Value {
        match self.log.wait_for(self.next_line, DEADLINE, |fields| fields["event"] == event) {
            Some((fields, next)) => {
                self.next_line = next;
                fields
            }
            None => panic!("the server never logged the event '{event}':\n{}", self.log.text()),
        }
    }

    /// Returns the fields of all log entries of an event so far.
    pub fn events(&self, event: &str) -> Vec<Value> {
        self.log.events(event)
    }

    /// Waits until the log has `count` entries of an event, and returns the fields of all so far. The answer that a
    /// client gets may come before the line of the log that tells of the answer's reason.
    pub fn wait_for_events(&self, event: &str, count: usize) -> Vec<Value> {
        let found = Cell::new(0);
        let counted = |fields: &Value| {
            found.set(found.get() + usize::from(fields["event"] == event));
            found.get() >= count
        };
        match self.log.wait_for(0, DEADLINE, counted) {
            Some(_) => self.events(event),
            None => panic!("{} of {count} entries of the event '{event}':\n{}", found.get(), self.log.text()),
        }
    }

    /// Returns the number of lines of the log so far.
    pub fn log_lines(&self) -> usize {
        self.log.len()
    }

    /// Returns the fields of all log entries from the line numbered `from` on.
    pub fn log_entries(&self, from: usize) -> Vec<Value> {
        self.log.entries(from)
    }

    /// Lets [`Self::wait_for_event`] go on behind the present end of the log.
    pub fn skip_log(&mut self) {
        self.next_line = self.log.len();
    }

    /// Returns the log so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Returns the largest resident memory that the server ever had, in MiB.
    pub fn peak_memory(&self) -> u64 {
        self.process().peak_memory()
    }

    /// Returns the ids of the processes that the server started and that still run.
    pub fn children(&self) -> Vec<u32> {
        self.process().children()
    }

    /// Returns the resident memory of the server, in KiB; 0 if the server has ended.
    pub fn resident_memory(&self) -> u64 {
        self.process().resident_memory()
    }

    /// Returns the nice values of the server's threads whose names begin with `name`.
    pub fn nice_values(&self, name: &str) -> Vec<i64> {
        self.process().nice_values(name)
    }

    /// Freezes a thread that runs a component: one whose name is `name`, and whose next instruction is in compiled code.
    #[cfg(target_os = "linux")]
    pub fn freeze_in_component(&self, name: &str) -> FrozenThread {
        let compiled = self.data().join("compiled");
        wait_until("a thread in a component", || FrozenThread::in_code_of(self.process().id(), name, &compiled))
    }

    /// Kills the server with `SIGKILL`.
    pub fn kill9(&mut self) {
        self.take_process().kill9();
    }

    /// Sends the server a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        self.process().signal(name);
    }

    /// Limits the size of files that the server writes, in bytes, as a full disk would; `None` removes the limit.
    pub fn limit_file_size(&self, bytes: Option<u64>) {
        self.process().limit_file_size(bytes);
    }

    /// Waits for the server's end.
    ///
    /// # Panics
    /// If the server does not end within [`DEADLINE`].
    pub fn wait(&mut self) -> ExitStatus {
        self.take_process().wait()
    }

    /// Sends `SIGTERM` and waits for the server's end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.take_process().terminate()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.take());
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}\n---", self.log.text());
        }
    }
}
