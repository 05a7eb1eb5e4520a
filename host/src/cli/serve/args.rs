//! The options of `bulkhead serve`, and the settings that they become.

mod certificates;
mod checks;
mod http_settings;
mod operator_tokens;

use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use bulkhead::clock::Clock;
use bulkhead::http::Origin;
use bulkhead::jobs::Settings;
use bulkhead::operations::MAX_COMPONENT_BYTES;
use bulkhead::store::{Opening, QueueLimits};
use bulkhead::webhooks::WebhookNetworks;
use clap::Args;
use ipnet::IpNet;
use wasmparser::Parser;

pub(super) use self::http_settings::{MAX_ADMIN_CONNECTIONS, MAX_HEALTH_CONNECTIONS};
use super::DEFAULT_COMPONENT;
use crate::cli::component;
use crate::cli::listening::ListenArgs;
use crate::cli::log::LogArgs;
use crate::cli::network::network;
use crate::cli::store::{Place, StoreArgs};

/// How long a lease is by default where other servers can take over: they look for jobs twice a second, so that they have one within
/// five seconds. Leases are renewed three times in this time, by one statement for all jobs of a server.
const SHARED_LEASE: Duration = Duration::from_secs(4);
/// How long a lease is by default where no other server is. A server that starts voids the leases of the one before it.
const OWN_LEASE: Duration = Duration::from_secs(30);
/// Workers of a server at most.
const MAX_WORKERS: usize = 32;

/// Arguments of `bulkhead serve`. Each can also be given as an environment variable, and in the configuration file.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    #[command(flatten)]
    pub(super) listening: ListenArgs,
    /// The key of the certificate of --tls-cert, in PEM without a password.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// The key of the certificate of --admin-tls-cert.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_ADMIN_TLS_KEY")]
    admin_tls_key: Option<PathBuf>,
    /// Listen where other machines reach the server, though nothing keeps what they send secret: without TLS, and without a proxy
    /// on another machine.
    #[arg(long, env = "BULKHEAD_INSECURE_LISTEN")]
    insecure_listen: bool,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Bring a database's schema up to date also while servers of earlier versions use it, if they can go on then.
    #[arg(long, env = "BULKHEAD_MIGRATE")]
    migrate: bool,
    /// Maximum number of connections to a database; by default three for each worker and eight more.
    #[arg(long, value_name = "N", env = "BULKHEAD_DATABASE_CONNECTIONS", value_parser = clap::value_parser!(u16).range(2..=1_000))]
    database_connections: Option<u16>,
    /// Number of worker threads, which run jobs; by default the number of cores.
    #[arg(long, value_name = "N", env = "BULKHEAD_WORKERS", value_parser = clap::value_parser!(u16).range(1..=32))]
    workers: Option<u16>,
    /// MiB of memory that all components take together, at most; by default 1,536 and 640 more for each worker. A part
    /// is kept for each component; the components of one tenant get half of the rest at most.
    #[arg(long, value_name = "MIB", env = "BULKHEAD_GUEST_MEMORY", value_parser = clap::value_parser!(u32).range(2_048..=1_048_576))]
    guest_memory: Option<u32>,
    /// A processor to use as the default one, instead of the built-in one.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_COMPONENT_FILE")]
    component: Option<PathBuf>,
    /// Seconds that a job's id stays valid after the job was created, and again after the job was finished.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_RETENTION", default_value_t = 48 * 60 * 60)]
    retention: u64,
    /// Seconds that a server may be silent, or cut off from the database, before other servers take over its jobs; by default 4,
    /// and 30 without a database, where there are no other servers.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_LEASE", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    lease: Option<u64>,
    /// Seconds after which a thread that does not come back counts as stalled: outside of components, and beyond their deadline.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_HOST_TIMEOUT", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    host_timeout: u64,
    /// Number of tenants, the busiest ones, that `/metrics` names. The others count together.
    #[arg(long, value_name = "N", env = "BULKHEAD_METRICS_TENANTS", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1_000))]
    metrics_tenants: u16,
    /// Seconds between two deletions of expired jobs.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_SWEEP_INTERVAL", default_value_t = 60)]
    sweep_interval: u64,
    /// Maximum number of unfinished jobs of one tenant.
    #[arg(long, value_name = "N", env = "BULKHEAD_MAX_QUEUED_JOBS", default_value_t = 1_000)]
    max_queued_jobs: u64,
    /// Maximum bytes of one tenant's unprocessed items, as stored.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_MAX_QUEUED_BYTES", default_value_t = 2 << 30)]
    max_queued_bytes: u64,
    /// Maximum bytes of a request's body, before and after inflating.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_MAX_BODY", default_value_t = 64 << 20)]
    max_body: usize,
    /// Maximum bytes of all bodies above 64 KiB that are being received at a time; further large requests wait.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_BODY_MEMORY", default_value_t = 128 << 20)]
    body_memory: usize,
    /// Maximum bytes of all answers above 64 KiB that wait until clients take them; further large answers wait.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_ANSWER_MEMORY", default_value_t = 128 << 20)]
    pub(super) answer_memory: usize,
    /// Maximum number of connections at a time; above it, connections that wait for their clients are closed.
    #[arg(long, value_name = "N", env = "BULKHEAD_MAX_CONNECTIONS", default_value_t = 1_024, value_parser = at_least_one)]
    max_connections: usize,
    /// Maximum number of connections of one IPv4 address or IPv6 network (/64); by default a quarter of all, but 16.
    #[arg(long, value_name = "N", env = "BULKHEAD_MAX_CONNECTIONS_PER_ADDRESS", value_parser = at_least_one)]
    max_connections_per_address: Option<usize>,
    /// A network of proxies, such as 10.0.0.0/8 or 10.0.0.5, whose X-Forwarded-For, X-Forwarded-Proto and Forwarded headers
    /// are believed.
    #[arg(long, value_name = "CIDR", env = "BULKHEAD_TRUSTED_PROXY", value_delimiter = ',', value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// Origins such as https://app.example, separated by commas, whose pages may call this server from browsers (CORS).
    /// Without this option, none may.
    #[arg(long, value_name = "ORIGIN", env = "BULKHEAD_CORS_ORIGIN", value_delimiter = ',', num_args = 1..)]
    cors_origin: Vec<Origin>,
    /// Networks besides the public Internet, such as 10.1.0.0/16, whose addresses tenants' webhooks may be sent to, also without
    /// TLS. Without this option, there are none.
    #[arg(long, value_name = "CIDR", env = "BULKHEAD_WEBHOOK_ALLOW", value_delimiter = ',', value_parser = network)]
    webhook_allow: Vec<IpNet>,
    /// Seconds within which the head of a request must arrive.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_HEADER_TIMEOUT", default_value_t = 10)]
    header_timeout: u64,
    /// Seconds that a connection may be idle between two requests.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_IDLE_TIMEOUT", default_value_t = 60)]
    idle_timeout: u64,
    /// Seconds within which the body of a request must arrive, however large it is.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_BODY_TIMEOUT", default_value_t = 600)]
    body_timeout: u64,
    /// Least bytes per second at which bodies must arrive and answers must be taken.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_MIN_TRANSFER_RATE", default_value_t = 8 << 10, value_parser = clap::value_parser!(u64).range(1..))]
    min_transfer_rate: u64,
    /// Seconds for which a client may take nothing of an answer.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_WRITE_TIMEOUT", default_value_t = 30)]
    write_timeout: u64,
    /// Write a line for each request into the log: who asked for what, and how it ended.
    #[arg(long, env = "BULKHEAD_ACCESS_LOG")]
    access_log: bool,
    /// Seconds that a start may take to compile the components of tenants before the server listens; the rest is compiled while
    /// it serves.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_COMPILE_AHEAD", default_value_t = 300)]
    compile_ahead: u64,
    /// Seconds to keep serving after SIGTERM while /readyz reports not ready, so that load balancers notice.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_DRAIN_DELAY", default_value_t = 0)]
    drain_delay: u64,
    /// The token with which operators authenticate, at least 32 characters. Prefer --admin-token-file or the environment
    /// variable: other users can see options.
    #[arg(long, value_name = "TOKEN", env = "BULKHEAD_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// A file with the token for --admin-token; without it, the systemd credential 'admin-token' counts.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_ADMIN_TOKEN_FILE")]
    admin_token_file: Option<PathBuf>,
    /// A token for operators who only read, at least 32 characters: for those who watch, and for programs. Prefer
    /// --admin-read-token-file or the environment variable: other users can see options.
    #[arg(long, value_name = "TOKEN", env = "BULKHEAD_ADMIN_READ_TOKEN", hide_env_values = true)]
    admin_read_token: Option<String>,
    /// A file with the token for --admin-read-token; without it, the systemd credential 'admin-read-token' counts.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_ADMIN_READ_TOKEN_FILE")]
    admin_read_token_file: Option<PathBuf>,
    /// For tests: a file with seconds to add to the clock.
    #[arg(long, value_name = "FILE", hide = true)]
    clock_offset_file: Option<PathBuf>,
    /// For tests: also serve drafts of the contract (`wit/drafts/`), which may change or disappear.
    #[arg(long, hide = true)]
    pub(super) draft_contracts: bool,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

impl ServeArgs {
    /// Returns how long the start may compile components.
    pub(super) fn compile_ahead(&self) -> Duration {
        Duration::from_secs(self.compile_ahead)
    }

    pub(super) fn settings(&self) -> Settings {
        let cores = available_parallelism().map_or(2, usize::from);
        let default_lease = if self.store.is_shared() { SHARED_LEASE } else { OWN_LEASE };
        Settings {
            workers: self.workers.map_or(cores.min(MAX_WORKERS), usize::from),
            retention: Duration::from_secs(self.retention),
            queue: QueueLimits { jobs: self.max_queued_jobs, bytes: self.max_queued_bytes },
            lease: self.lease.map_or(default_lease, Duration::from_secs),
            host_timeout: Duration::from_secs(self.host_timeout),
        }
    }

    /// Returns the values of options that nobody set and that depend on the machine or on other options, by the options' names.
    pub(in crate::cli) fn computed(&self) -> Vec<(&'static str, String)> {
        let settings = self.settings();
        let connections = self.http_settings(self.max_connections).connections.per_address;
        let mut computed = vec![
            ("workers", settings.workers.to_string()),
            ("guest-memory", (self.guest_memory() >> 20).to_string()),
            ("lease", settings.lease.as_secs().to_string()),
            ("max-connections-per-address", connections.to_string()),
        ];
        match self.store.place() {
            Ok(Place::Folder(folder)) => computed.push(("data", folder.display().to_string())),
            Ok(Place::Database(_)) => computed.push(("database-connections", self.connections().to_string())),
            Err(_) => {}
        }
        computed.extend(self.store.compiled().map(|folder| ("cache", folder.display().to_string())));
        computed
    }

    /// Returns what the server may change of the schema when it opens the store.
    pub(super) fn opening(&self) -> Opening {
        if self.migrate { Opening::MigratingServer } else { Opening::Server }
    }

    pub(super) fn webhook_networks(&self) -> WebhookNetworks {
        WebhookNetworks::new(self.webhook_allow.clone())
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock_offset_file.clone().map_or_else(Clock::system, Clock::shifted_by)
    }

    /// Returns the number of connections to a database: three for each worker, which commits a batch while it reads for the next
    /// one, and may have a stand-in while its component computes; and eight for requests and maintenance tasks.
    pub(super) fn connections(&self) -> usize {
        self.database_connections.map_or(self.settings().workers * 3 + 8, usize::from)
    }

    /// Returns the number of component instances that can exist at a time, so that none that may run waits for another:
    ///
    /// - a processor and a validator for each worker, its replacement and its partner: 2 × 3 for each worker;
    /// - these two and a processor that shows contacts for each call that can run: 3 × 5 for each worker, as there are two light,
    ///   two moved and one heavy permit for each;
    /// - some for operators.
    pub(in crate::cli) fn instances(&self) -> u32 {
        u32::try_from(self.settings().workers).unwrap_or(32) * 21 + 8
    }

    /// Returns the bytes of memory of all component instances together.
    pub(super) fn guest_memory(&self) -> usize {
        let default = 1_536 + 640 * self.settings().workers;
        self.guest_memory.map_or(default, |mib| usize::try_from(mib).unwrap_or(usize::MAX)).saturating_mul(1 << 20)
    }

    /// Returns how many tenants the metrics name.
    pub(super) fn metrics_tenants(&self) -> usize {
        usize::from(self.metrics_tenants)
    }

    pub(super) fn sweep_interval(&self) -> Duration {
        Duration::from_secs(self.sweep_interval.max(1))
    }

    pub(super) fn drain_delay(&self) -> Duration {
        Duration::from_secs(self.drain_delay)
    }

    /// Returns whether the default processor is the built-in one.
    pub(super) fn is_component_built_in(&self) -> bool {
        self.component.is_none()
    }

    /// Returns the bytes of the default processor.
    ///
    /// # Errors
    /// If the named file cannot be read, or is too large for a component or none at all.
    pub(in crate::cli) fn component(&self) -> Result<Vec<u8>, String> {
        let Some(path) = &self.component else { return Ok(DEFAULT_COMPONENT.to_vec()) };
        let bytes = component::read(path, MAX_COMPONENT_BYTES).map_err(|why| format!("--component: {why}"))?;
        if !Parser::is_component(&bytes) {
            return Err(format!(
                "--component: {}: this is no WebAssembly component; 'bulkhead component check' says what it is",
                path.display()
            ));
        }
        Ok(bytes)
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| String::from("a number from 1 on is expected"))
}
