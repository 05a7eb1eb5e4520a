//! `bulkhead serve`.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use bulkhead::clock::Clock;
use bulkhead::domain::World;
use bulkhead::http::{Api, BodySettings, Health, HttpSettings, Server};
use bulkhead::jobs::{ComponentLoader, MaintenanceTasks, Service, Settings, WorkerPool};
use bulkhead::operations::{ComponentRuntime, MAX_COMPONENT_BYTES, Operations};
use bulkhead::sandbox::Sandbox;
use bulkhead::store::{NewComponent, QueueLimits, Store};
use bulkhead::tenants::Secret;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::log::LogArgs;
use super::store::StoreArgs;

/// The component that decides when none other is named.
pub(super) const DEFAULT_COMPONENT: &[u8] = include_bytes!(env!("BULKHEAD_DEFAULT_COMPONENT"));

/// How long a shutdown waits for work that cannot be interrupted.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes that the operators' token has at least.
const MIN_ADMIN_TOKEN_BYTES: usize = 32;
/// Connections to the operators' listener at a time; further ones wait.
const MAX_ADMIN_CONNECTIONS: usize = 16;
/// Threads that wait for the store on behalf of requests.
const MAX_BLOCKING_THREADS: usize = 64;

/// Arguments of `bulkhead serve`. Each can be given as an environment variable, too.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Address to listen on; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR", env = "BULKHEAD_LISTEN", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    #[command(flatten)]
    store: StoreArgs,
    /// Connections to a database at a time; two for each worker and eight more unless given.
    #[arg(long, value_name = "N", env = "BULKHEAD_DATABASE_CONNECTIONS", value_parser = clap::value_parser!(u16).range(2..=1_000))]
    database_connections: Option<u16>,
    /// Threads that work on jobs; as many as cores unless given.
    #[arg(long, value_name = "N", env = "BULKHEAD_WORKERS", value_parser = clap::value_parser!(u16).range(1..=32))]
    workers: Option<u16>,
    /// A processor component to use in place of the built-in one.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_COMPONENT_FILE")]
    component: Option<PathBuf>,
    /// Seconds that a job's id lives, after it was created and again after it was finished.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_RETENTION", default_value_t = 48 * 60 * 60)]
    retention: u64,
    /// Seconds that a server may be silent, or cut off from the database, before others take up its jobs.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_LEASE", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    lease: u64,
    /// Seconds between looks for what has expired.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_SWEEP_INTERVAL", default_value_t = 60)]
    sweep_interval: u64,
    /// Unfinished jobs that one tenant may have.
    #[arg(long, value_name = "N", env = "BULKHEAD_MAX_QUEUED_JOBS", default_value_t = 1_000)]
    max_queued_jobs: u64,
    /// Bytes of unprocessed items, as stored, that one tenant may have.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_MAX_QUEUED_BYTES", default_value_t = 2 << 30)]
    max_queued_bytes: u64,
    /// Bytes of a request's body, also after inflating.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_MAX_BODY", default_value_t = 64 << 20)]
    max_body: usize,
    /// Bytes of all bodies that are being received at a time; more wait.
    #[arg(long, value_name = "BYTES", env = "BULKHEAD_BODY_MEMORY", default_value_t = 128 << 20)]
    body_memory: usize,
    /// Connections at a time; more wait.
    #[arg(long, value_name = "N", env = "BULKHEAD_MAX_CONNECTIONS", default_value_t = 1_024)]
    max_connections: usize,
    /// Seconds that the head of a request may take.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_HEADER_TIMEOUT", default_value_t = 10)]
    header_timeout: u64,
    /// Seconds that the body of a request may take.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_BODY_TIMEOUT", default_value_t = 60)]
    body_timeout: u64,
    /// Seconds in which a client must take at least something of an answer.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_WRITE_TIMEOUT", default_value_t = 30)]
    write_timeout: u64,
    /// Seconds to go on as before after SIGTERM while /readyz says no, so that load balancers notice.
    #[arg(long, value_name = "SECONDS", env = "BULKHEAD_DRAIN_DELAY", default_value_t = 0)]
    drain_delay: u64,
    /// Address of a listener for operators; there is none unless it is given.
    #[arg(long, value_name = "ADDR", env = "BULKHEAD_ADMIN_LISTEN", requires = "admin_token")]
    admin_listen: Option<SocketAddr>,
    /// The token that operators show there, at least 32 characters. Better given in the environment than here.
    #[arg(long, value_name = "TOKEN", env = "BULKHEAD_ADMIN_TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    /// For tests: a file with seconds to add to the clock.
    #[arg(long, value_name = "FILE", hide = true)]
    clock_offset_file: Option<PathBuf>,
    /// For tests: serve drafts of the contract (`wit/drafts/`), too. They may change or go.
    #[arg(long, hide = true)]
    draft_contracts: bool,
    #[command(flatten)]
    log: LogArgs,
}

impl ServeArgs {
    fn settings(&self) -> Settings {
        let cores = available_parallelism().map_or(2, usize::from);
        Settings {
            workers: self.workers.map_or(cores.min(32), usize::from),
            retention: Duration::from_secs(self.retention),
            queue: QueueLimits { jobs: self.max_queued_jobs, bytes: self.max_queued_bytes },
            lease: Duration::from_secs(self.lease),
        }
    }

    /// A worker commits a batch beside reading for the next one; the rest is for requests and maintenance tasks.
    fn connections(&self) -> usize {
        self.database_connections.map_or(self.settings().workers * 2 + 8, usize::from)
    }

    /// Components that can live at the same time: a processor and a validator for each worker and one that takes its place;
    /// for each interactive call these and a processor that shows contacts; and some for operators.
    fn instances(&self) -> u32 {
        u32::try_from(self.settings().workers).unwrap_or(32) * 10 + 8
    }

    fn http_settings(&self) -> HttpSettings {
        HttpSettings {
            max_connections: self.max_connections,
            header_timeout: Duration::from_secs(self.header_timeout),
            write_timeout: Duration::from_secs(self.write_timeout),
        }
    }

    fn body_settings(&self) -> BodySettings {
        BodySettings {
            max_bytes: self.max_body,
            timeout: Duration::from_secs(self.body_timeout),
            memory_bytes: self.body_memory,
        }
    }

    /// Returns the operators' API and the address for it, if there is to be one.
    fn admin_api(
        &self,
        store: &Arc<dyn Store>,
        runtime: ComponentRuntime,
    ) -> Result<Option<(SocketAddr, Api)>, Box<dyn std::error::Error>> {
        let (Some(address), Some(token)) = (self.admin_listen, &self.admin_token) else { return Ok(None) };
        if token.len() < MIN_ADMIN_TOKEN_BYTES {
            return Err(format!("the token for operators must have at least {MIN_ADMIN_TOKEN_BYTES} characters").into());
        }
        let operations = Operations::new(Arc::clone(store), MAX_COMPONENT_BYTES, move || Ok(runtime.clone()));
        // Components are larger than requests, and operators few.
        let bodies = BodySettings {
            max_bytes: MAX_COMPONENT_BYTES,
            memory_bytes: MAX_COMPONENT_BYTES * 2,
            ..self.body_settings()
        };
        Ok(Some((address, Api::admin(operations, &Secret::from_client(token.as_str()), bodies))))
    }

    fn admin_http_settings(&self) -> HttpSettings {
        HttpSettings { max_connections: MAX_ADMIN_CONNECTIONS, ..self.http_settings() }
    }

    fn component(&self) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
        match &self.component {
            None => Ok(DEFAULT_COMPONENT.to_vec()),
            Some(path) => Ok(std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?),
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub(super) fn run(args: ServeArgs) -> Result<(), Box<dyn std::error::Error>> {
    args.log.start()?;
    let clock = args.clock_offset_file.clone().map_or_else(Clock::system, Clock::shifted_by);
    let _ownership = args.store.own()?;
    let store = args.store.open(clock, args.connections())?;
    let voided = store.void_claims()?;
    if voided > 0 {
        tracing::info!(
            event = "jobs_recovered",
            jobs = voided,
            "jobs of a server that ended early go back to the queue"
        );
    }
    let compiled = args.store.compiled();
    if compiled.is_none() {
        tracing::warn!(
            event = "no_cache_folder",
            "there is no folder to keep compiled components in; name one with --cache"
        );
    }
    let sandbox = Sandbox::new(compiled, args.instances())?;
    let sandbox = if args.draft_contracts { sandbox.with_drafts() } else { sandbox };
    let component = args.component()?;
    let processor = sandbox.load_processor(&component)?;
    // Jobs of today may be finished by tomorrow's server, which has another default.
    store.add_component(&NewComponent {
        digest: processor.digest(),
        name: None,
        world: World::Processor,
        bytes: &component,
    })?;
    let runtime = ComponentRuntime { sandbox: sandbox.clone(), default_processor: processor.clone() };
    let admin = args.admin_api(&store, runtime)?;
    let components = ComponentLoader::new(Arc::clone(&store), sandbox, processor);
    let service = Arc::new(Service::new(Arc::clone(&store), components, args.settings()));
    let hearing = Arc::downgrade(&service);
    store.subscribe(Box::new(move |notification| {
        if let Some(service) = hearing.upgrade() {
            service.notified(notification);
        }
    }));

    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).build()?;
    runtime.block_on(async {
        let shutdown = shutdown_signal()?;
        let api = Api::client(Arc::clone(&service), args.body_settings());
        let health = Arc::new(Health::new(Arc::clone(&service)));
        let server = listen(args.listen, "--listen", api, &health, args.http_settings()).await?;
        let admin = match admin {
            Some((address, api)) => {
                Some(listen(address, "--admin-listen", api, &health, args.admin_http_settings()).await?)
            }
            None => None,
        };
        let workers = WorkerPool::start(&service)?;
        let maintenance = MaintenanceTasks::start(&service, Duration::from_secs(args.sweep_interval.max(1)))?;
        announce(&format!(
            "bulkhead listening on http://{} store={} component={}",
            server.address()?,
            store.description(),
            service.default_processor()
        ));
        let (close, closing) = tokio::sync::watch::channel(());
        let closed = |mut closing: tokio::sync::watch::Receiver<()>| async move { drop(closing.changed().await) };
        let serving = tokio::spawn(server.run(closed(closing.clone())));
        if let Some(admin) = admin {
            announce(&format!("operators at http://{}", admin.address()?));
            tokio::spawn(admin.run(closed(closing)));
        }
        shutdown.await;
        health.drain();
        if args.drain_delay > 0 {
            tracing::info!(
                event = "drain_delayed",
                seconds = args.drain_delay,
                "not ready any more; going on for a while"
            );
            tokio::time::sleep(Duration::from_secs(args.drain_delay)).await;
        }
        tracing::info!(
            event = "shutdown_started",
            "shutting down: running batches commit, the rest goes back to the queue"
        );
        drop(close);
        tokio::task::spawn_blocking(move || {
            workers.stop();
            maintenance.stop();
        })
        .await?;
        serving.await?;
        // Calls that were begun have had their time.
        service.interrupt_calls();
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    // What still blocks, such as compiling for an operator, is not waited for.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    tracing::info!(event = "shutdown_finished", "stopped");
    Ok(())
}

async fn listen(
    address: SocketAddr,
    option: &str,
    api: Api,
    health: &Arc<Health>,
    settings: HttpSettings,
) -> Result<Server, String> {
    Server::bind(address, api, Arc::clone(health), settings).await.map_err(|error| {
        format!("cannot listen on {address}: {error}. Is another server running? Choose an address with {option}.")
    })
}

fn shutdown_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Whoever started this may wait for the line, or may have gone: neither is a reason to stop.
fn announce(line: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
