//! A server of its own for each test.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bulkhead_postgres::SmallDisk;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::Client;
use crate::command::{Finished, bulkhead, finish, under};
use crate::exclusive::Turn;
use crate::log::Log;
use crate::raw_socket::RawSocket;
use crate::{DEADLINE, Database, component, files, wait_until};

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    args: Vec<String>,
    component: Option<PathBuf>,
    alone: bool,
    admin: bool,
    /// Whether a write that the system refuses is an error to the server, and not its end.
    survives_file_limits: bool,
    /// The URL of a database in place of a folder.
    database: Option<String>,
    /// What the data folder is on.
    disk: Option<Arc<SmallDisk>>,
}

/// The token that operators show.
const ADMIN_TOKEN: &str = "an-operators-token-for-tests-only";

impl Options {
    /// Adds an argument and its value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.args.extend([name.to_owned(), value.to_string()]);
        self
    }

    /// Adds an argument that has no value.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.args.push(name.to_owned());
        self
    }

    /// Has jobs decided by the component that misbehaves on demand.
    #[must_use]
    pub fn rogue(mut self) -> Self {
        self.component = Some(component("rogue"));
        self
    }

    /// With a listener for operators.
    #[must_use]
    pub fn admin(mut self) -> Self {
        self.admin = true;
        self.with("--admin-listen", "127.0.0.1:0").with("--admin-token", ADMIN_TOKEN)
    }

    /// On a PostgreSQL database, which other servers may have, too.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// With the data folder on a disk that a test can fill up.
    #[must_use]
    pub fn on(mut self, disk: &Arc<SmallDisk>) -> Self {
        self.disk = Some(Arc::clone(disk));
        self
    }

    /// For tests that use [`Server::limit_file_size`].
    #[must_use]
    pub fn survives_file_limits(mut self) -> Self {
        self.survives_file_limits = true;
        self
    }

    /// No other server of these tests runs meanwhile: for tests that measure time.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Starts it in an empty folder.
    #[must_use]
    pub fn start(self) -> Server {
        let turn = Turn::take(self.alone);
        self.start_in(Some(turn))
    }

    /// Starts it beside another server of the same test.
    #[must_use]
    pub fn start_alongside(self, _other: &Server) -> Server {
        self.start_in(None)
    }

    fn start_in(self, turn: Option<Turn>) -> Server {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let server = Server { folder, options: self, log: Log::default(), running: None, marker: 0, _turn: turn };
        // Without it, half a second would go into compiling for each test.
        files::share(&files::compiled(), &server.data().join("compiled")).expect("machine code can be copied");
        let server = server.run();
        files::share(&server.data().join("compiled"), &files::compiled()).expect("machine code can be copied");
        server
    }
}

/// A tenant's credentials.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its name.
    pub name: String,
    /// The public half.
    pub client_id: String,
    /// The other.
    pub client_secret: String,
}

impl Tenant {
    /// What `bulkhead tenant add` printed.
    ///
    /// # Panics
    /// If it printed something else.
    pub fn parse(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let member = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("no {name}: {text}")).to_owned();
        Self { name: member("tenant"), client_id: member("client_id"), client_secret: member("client_secret") }
    }
}

struct Running {
    process: Child,
    address: SocketAddr,
    startup_line: String,
    admin: Option<SocketAddr>,
}

/// A server; killed when dropped.
pub struct Server {
    folder: TempDir,
    options: Options,
    log: Log,
    running: Option<Running>,
    marker: usize,
    _turn: Option<Turn>,
}

impl Server {
    /// One with the default component and settings.
    pub fn start() -> Self {
        Options::default().start()
    }

    fn run(mut self) -> Self {
        self.restart();
        self
    }

    /// Starts it again on the same folder, after [`Self::kill9`] or [`Self::terminate`].
    pub fn restart(&mut self) {
        assert!(self.running.is_none(), "the server still runs");
        let mut command = self.command();
        let mut process = command.spawn().expect("bulkhead can be started");
        self.log.follow(process.stderr.take().expect("it was piped"));
        let mut startup_line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("it was piped"));
        stdout.read_line(&mut startup_line).expect("the server writes text");
        let address_in = |line: &str| {
            line.split_whitespace().find_map(|word| word.strip_prefix("http://")?.parse::<SocketAddr>().ok())
        };
        let Some(address) = address_in(&startup_line) else {
            drop(process.kill());
            panic!("the server did not start: {startup_line}{}\n{:?}", self.log.text(), process.wait());
        };
        let mut admin_line = String::new();
        if self.options.admin {
            stdout.read_line(&mut admin_line).expect("the server writes text");
        }
        let admin = address_in(&admin_line);
        self.running = Some(Running { process, address, startup_line, admin });
    }

    fn command(&self) -> Command {
        let mut command = self.program();
        if self.options.survives_file_limits {
            // With the signal ignored that a write beyond a limit sends.
            let words = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""].map(str::to_owned);
            command = under(&words, &command);
        }
        command.args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json"]).args(self.store_args());
        command.arg("--clock-offset-file").arg(self.clock_file());
        if let Some(component) = &self.options.component {
            command.arg("--component").arg(component);
        }
        command.args(&self.options.args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// `bulkhead`, where it sees the server's data.
    fn program(&self) -> Command {
        match &self.options.disk {
            None => bulkhead(),
            Some(disk) => under(&disk.words(), &bulkhead()),
        }
    }

    /// The arguments that name its store.
    fn store_args(&self) -> Vec<String> {
        let path = |path: PathBuf| path.display().to_string();
        let place = match (&self.options.database, &self.options.disk) {
            (None, None) => return vec![String::from("--data"), path(self.data())],
            (None, Some(disk)) => [String::from("--data"), path(disk.path().join("data"))],
            (Some(url), _) => [String::from("--database"), url.clone()],
        };
        let cache = [String::from("--cache"), path(self.data().join("compiled"))];
        [place, cache].concat()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file beside the data folder.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn clock_file(&self) -> PathBuf {
        self.scratch("clock")
    }

    /// Sets the server's clock to the present and this much more.
    pub fn set_clock(&self, ahead: Duration) {
        // Never half a number: it appears by a rename.
        let partial = self.scratch("clock.partial");
        fs::write(&partial, ahead.as_secs().to_string()).expect("a file can be written");
        fs::rename(partial, self.clock_file()).expect("a file can be renamed");
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the server was ended")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running().address
    }

    /// The line it printed when it was ready.
    pub fn startup_line(&self) -> &str {
        self.running().startup_line.trim_end()
    }

    /// Its address for programs.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Adds a tenant with the default profile.
    pub fn add_tenant(&self, name: &str) -> Tenant {
        Tenant::parse(&self.command_line(&["tenant", "add", name]).expect(0).stdout)
    }

    /// Adds a tenant with a profile.
    pub fn add_tenant_with(&self, name: &str, profile: &Value) -> Tenant {
        let file = self.scratch(&format!("{name}.json"));
        fs::write(&file, profile.to_string()).expect("a file can be written");
        let file = file.to_str().expect("a plain path");
        Tenant::parse(&self.command_line(&["tenant", "add", name, "--profile", file]).expect(0).stdout)
    }

    /// Lets one call into a tenant's component last for seconds: as long as a call may, so that a test which stops one is not
    /// outrun by the limit.
    pub fn allow_long_calls(&self, tenant: &str) {
        self.limit(tenant, &serde_json::json!({"callMillis": 5_000, "itemMillis": 20}));
    }

    /// Gives a tenant limits of its own.
    pub fn limit(&self, tenant: &str, limits: &Value) {
        let file = self.scratch("limits.json");
        fs::write(&file, limits.to_string()).expect("a file can be written");
        let file = file.to_str().expect("a plain path");
        self.command_line(&["tenant", "set", tenant, "--limits", file]).expect(0);
    }

    /// A client that calls as a tenant.
    pub fn client(&self, tenant: &Tenant) -> Client {
        Client::new(self.url(), Some(format!("Bearer {}", tenant.client_secret)))
    }

    /// A client of a new tenant.
    pub fn new_client(&self, name: &str) -> Client {
        self.client(&self.add_tenant(name))
    }

    /// A client that shows no credentials, or these.
    pub fn client_with(&self, authorization: Option<&str>) -> Client {
        Client::new(self.url(), authorization.map(str::to_owned))
    }

    /// A client that calls as an operator; the server must have been started with [`Options::admin`].
    pub fn operator(&self) -> Client {
        let address = self.running().admin.expect("there is a listener for operators");
        Client::new(format!("http://{address}"), Some(format!("Bearer {ADMIN_TOKEN}")))
    }

    /// A client that calls the operators' listener with other credentials, or none.
    pub fn operator_with(&self, authorization: Option<&str>) -> Client {
        let address = self.running().admin.expect("there is a listener for operators");
        Client::new(format!("http://{address}"), authorization.map(str::to_owned))
    }

    /// Runs one of the operator's commands on this server's data, such as `component list`.
    pub fn command_line(&self, args: &[&str]) -> Finished {
        let mut command = self.program();
        command.args(args).args(self.store_args());
        finish(command, &[])
    }

    /// A bare connection.
    pub fn connect(&self) -> RawSocket {
        RawSocket::connect(self.address())
    }

    /// A look into its database, which also works when it does not run. On a disk that only the server sees it is a copy.
    pub fn database(&self) -> Database {
        if self.options.disk.is_none() {
            return Database::open(&self.data().join("bulkhead.sqlite"));
        }
        let copy = self.scratch("copy.sqlite");
        drop(fs::remove_file(&copy));
        self.command_line(&["backup", &copy.display().to_string()]).expect(0);
        Database::open(&copy)
    }

    /// Waits for the next log entry of this event, after the one that was waited for last; returns its fields.
    ///
    /// # Panics
    /// If there is none in time.
    pub fn wait_for_event(&mut self, event: &str) -> Value {
        let wanted = |entry: &Value| entry["fields"]["event"] == event;
        match self.log.wait_for(self.marker, DEADLINE, wanted) {
            Some((mut entry, next)) => {
                self.marker = next;
                entry["fields"].take()
            }
            None => panic!("the server never logged the event '{event}':\n{}", self.log.text()),
        }
    }

    /// Returns the fields of all log entries of this event so far.
    pub fn events(&self, event: &str) -> Vec<Value> {
        let fields = |line: &str| Some(serde_json::from_str::<Value>(line).ok()?["fields"].take());
        self.log.text().lines().filter_map(fields).filter(|fields| fields["event"] == event).collect()
    }

    /// Forgets what was logged so far.
    pub fn skip_log(&mut self) {
        self.marker = self.log.len();
    }

    /// Everything it logged so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The most memory it ever had, in MiB.
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.running().process.id());
        let status = fs::read_to_string(path).expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says it");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("it is a number");
        kib / 1024
    }

    /// The nice values of its threads of this name.
    pub fn nice_values(&self, name: &str) -> Vec<i64> {
        let folder = format!("/proc/{}/task", self.running().process.id());
        let tasks = fs::read_dir(folder).expect("Linux lists threads").flatten();
        // A thread may end while it is looked at.
        let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
        let of_name = stats.filter_map(|stat| {
            let (before, after) = stat.rsplit_once(')')?;
            before.ends_with(&format!("({name}")).then(|| after.split_whitespace().nth(16)?.parse().ok())?
        });
        of_name.collect()
    }

    /// Ends it without any warning.
    pub fn kill9(&mut self) {
        let mut running = self.running.take().expect("the server was ended");
        running.process.kill().expect("it can be killed");
        running.process.wait().expect("it can be waited for");
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.running().process.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("there is a kill command");
        assert!(sent.success(), "cannot send {name} to the server");
    }

    /// Lets the server write to files no further than to this byte, as a full disk would; `None` takes that back.
    pub fn limit_file_size(&self, to: Option<u64>) {
        let most = to.map_or_else(|| String::from("unlimited"), |bytes| bytes.to_string());
        let pid = self.running().process.id().to_string();
        // The hard limit stays, so that the soft one can be raised again without being root.
        let args = ["--pid", pid.as_str(), &format!("--fsize={most}:unlimited")];
        let set = Command::new("prlimit").args(args).status().expect("there is a prlimit command");
        assert!(set.success(), "cannot limit the server's files");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut running = self.running.take().expect("the server was ended");
        wait_until("the server's end", || running.process.try_wait().expect("it can be waited for"))
    }

    /// Asks it to end, and waits for that.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            drop(running.process.kill());
            drop(running.process.wait());
        }
        if std::thread::panicking() {
            eprintln!("--- the server's log ---\n{}\n---", self.log.text());
        }
    }
}
