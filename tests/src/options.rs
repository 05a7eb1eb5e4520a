//! How a test's server is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bulkhead_postgres::SmallDisk;

use crate::exclusive::Turn;
use crate::server::Server;
use crate::{CommandLine, TraceCollector, component};

/// The token of operators.
pub const ADMIN_TOKEN: &str = "an-operators-token-for-tests-only";
/// The token of operators who only read.
pub(crate) const ADMIN_READ_TOKEN: &str = "a-reading-operators-token-for-tests";

/// How a test's server is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(crate) args: Vec<String>,
    /// The default processor, if it is not the built-in one.
    component: Option<PathBuf>,
    is_exclusive: bool,
    /// Variables of the server's environment, as `NAME=VALUE`.
    environment: Vec<String>,
    /// Whether the server goes on after a write beyond a file's size limit.
    pub(crate) survives_file_limits: bool,
    /// Arguments of `ulimit` for the server.
    pub(crate) descriptors: Option<String>,
    /// The URL of a database in place of a folder.
    database: Option<String>,
    /// The disk of the data folder.
    pub(crate) disk: Option<Arc<SmallDisk>>,
    /// A SQLite database that the data folder begins with.
    pub(crate) initial_database: Option<PathBuf>,
    /// How far the server's clock is ahead when it starts.
    pub(crate) clock: Option<Duration>,
}

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

    /// Uses the component `rogue`, which misbehaves on demand, as the default processor.
    #[must_use]
    pub fn rogue(mut self) -> Self {
        self.component = Some(component("rogue"));
        self
    }

    /// Adds a listener for operators.
    #[must_use]
    pub fn admin(self) -> Self {
        self.with("--admin-listen", "127.0.0.1:0").with("--admin-token", ADMIN_TOKEN)
    }

    /// Adds the console.
    #[must_use]
    pub fn console(self) -> Self {
        self.with("--console-listen", "127.0.0.1:0")
    }

    /// Adds the console, which operators can log in to as well.
    #[must_use]
    pub fn operators_console(self) -> Self {
        self.console().with("--admin-token", ADMIN_TOKEN).with("--admin-read-token", ADMIN_READ_TOKEN)
    }

    /// Adds a listener for health checks.
    #[must_use]
    pub fn health(self) -> Self {
        self.with("--health-listen", "127.0.0.1:0")
    }

    /// Limits the server's file descriptors by arguments of `ulimit`: `-n 300`, or `-S -n 300` for a limit that the server may
    /// raise.
    #[must_use]
    pub fn descriptors(mut self, limit: &str) -> Self {
        self.descriptors = Some(limit.to_owned());
        self
    }

    /// Stores the data in a PostgreSQL database, which other servers may share.
    #[must_use]
    pub fn database(mut self, url: &str) -> Self {
        self.database = Some(url.to_owned());
        self
    }

    /// Puts the data folder on a small disk, which a test can fill up.
    #[must_use]
    pub fn on(mut self, disk: &Arc<SmallDisk>) -> Self {
        self.disk = Some(Arc::clone(disk));
        self
    }

    /// Puts a copy of a SQLite database into the data folder.
    #[must_use]
    pub fn initial_database(mut self, file: &Path) -> Self {
        self.initial_database = Some(file.to_owned());
        self
    }

    /// Sets the clock ahead from the start. See [`Server::set_clock`].
    #[must_use]
    pub fn clock(mut self, ahead: Duration) -> Self {
        self.clock = Some(ahead);
        self
    }

    /// Lets the server go on after a write beyond the limit of [`Server::limit_file_size`].
    #[must_use]
    pub fn survives_file_limits(mut self) -> Self {
        self.survives_file_limits = true;
        self
    }

    /// Has the server trust the certificate authorities in a file, and no others.
    #[must_use]
    pub fn trusting(self, authorities: &Path) -> Self {
        self.variable("SSL_CERT_FILE", authorities.display())
    }

    /// Sends traces to a collector, soon.
    #[must_use]
    pub fn traces(self, collector: &TraceCollector) -> Self {
        self.variable("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url()).variable("OTEL_BSP_SCHEDULE_DELAY", 20)
    }

    /// Sets a variable of the server's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push(format!("{name}={}", value.to_string()));
        self
    }

    /// Lets no other server of these tests run at the same time. This is for tests that measure time.
    #[must_use]
    pub fn exclusive(mut self) -> Self {
        self.is_exclusive = true;
        self
    }

    /// Starts a server in an empty folder.
    #[must_use]
    pub fn start(self) -> Server {
        let turn = Turn::take(self.is_exclusive);
        Server::start_with(self, Some(turn))
    }

    /// Starts a server while another server of the same test runs.
    #[must_use]
    pub fn start_alongside(self, _other: &Server) -> Server {
        Server::start_with(self, None)
    }

    /// Returns the command line for the store, whose local files are in `folder`.
    pub(crate) fn command_line(&self, folder: &Path) -> CommandLine {
        let compiled = folder.join("compiled");
        let mut prefix = Vec::new();
        if !self.environment.is_empty() {
            prefix.push(String::from("env"));
            prefix.extend(self.environment.iter().cloned());
        }
        match (&self.database, &self.disk) {
            (Some(url), _) => CommandLine::on_database(url).cache(compiled).prefix(prefix),
            (None, None) => CommandLine::on_folder(folder).prefix(prefix),
            (None, Some(disk)) => {
                let prefix = [disk.command_prefix(), prefix].concat();
                CommandLine::on_folder(&disk.path().join("data")).cache(compiled).prefix(prefix)
            }
        }
    }

    /// Returns the further arguments of `serve`.
    pub(crate) fn serve_args(&self) -> Vec<String> {
        let component =
            self.component.iter().flat_map(|file| [String::from("--component"), file.display().to_string()]);
        component.chain(self.args.iter().cloned()).collect()
    }

    /// Writes the database that the data folder begins with.
    pub(crate) fn fill(&self, data: &Path) {
        if let Some(file) = &self.initial_database {
            fs::create_dir_all(data).expect("a folder can be made");
            fs::copy(file, data.join("bulkhead.sqlite")).expect("a file can be copied");
        }
    }
}
