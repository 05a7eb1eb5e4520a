//! `bulkhead serve`.

mod announcement;
mod args;
mod descriptors;
mod listeners;
mod service_manager;
mod tls;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bulkhead::domain::World;
use bulkhead::http::{Api, Health, HttpSettings, OperatorTokens, TlsIdentity};
use bulkhead::jobs::{ComponentLoader, MaintenanceTasks, Service, WorkerPool};
use bulkhead::metrics::METRICS;
use bulkhead::operations::{ComponentRuntime, MAX_COMPONENT_BYTES, Operations, Operator};
use bulkhead::sandbox::Sandbox;
use bulkhead::store::{NewComponent, Store};
use bulkhead::traces::{self, TraceSettings};
pub(super) use tls::ListenerIdentities;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::changeable::who_can_change;
use super::option_sources::UnusedDatabase;
use super::store::with_advice;
use announcement::Announcements;
pub(super) use args::ServeArgs;
pub(super) use listeners::Listener;
use listeners::{HealthListener, listen};
use service_manager::ServiceManager;

/// The processor of tenants that have none of their own, unless `--component` names another.
pub(super) const DEFAULT_COMPONENT: &[u8] = include_bytes!(env!("BULKHEAD_DEFAULT_COMPONENT"));

/// How long a shutdown waits for work that cannot be interrupted.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a shutdown waits for a collector to take the last spans.
const TRACES_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// Threads that wait for the store on behalf of requests.
const MAX_BLOCKING_THREADS: usize = 64;

/// Serves until SIGTERM or SIGINT. `unused_databases` are named beside the folder of the store.
pub(super) fn run(args: ServeArgs, unused_databases: &[UnusedDatabase]) -> Result<ExitCode, Box<dyn Error>> {
    args.log.start()?;
    for UnusedDatabase { named_by, folder_by } in unused_databases {
        tracing::warn!(
            event = "database_not_used",
            %named_by,
            %folder_by,
            "a database is named and not used, because --data counts before it; remove one of the two"
        );
    }
    let is_json = args.log.is_json();
    if let Some(found) = args.store.config().and_then(who_can_change) {
        tracing::warn!(event = "configuration_changeable", found, "others decide what the server does");
    }
    match start(args) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // In a log of JSON, the reason is JSON, too.
        Err(error) if is_json => {
            let error = with_advice(error);
            tracing::error!(event = "server_failed", %error, "the server cannot start or go on");
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error),
    }
}

fn start(args: ServeArgs) -> Result<(), Box<dyn Error>> {
    // Before the store is made.
    args.check()?;
    let traces = TraceSettings::of_environment()?;
    let identities = args.identities()?;
    let component = args.component()?;
    // First of all, as SIGHUP would end the process.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(MAX_BLOCKING_THREADS).build()?;
    runtime.block_on(async { tls::handle_hangups(identities.clone()) })?;
    METRICS.tenants.name_busiest(args.metrics_tenants());
    traces.map_or(Ok(()), traces::start)?;
    let max_connections = descriptors::provide(args.max_connections());
    let _ownership = args.store.own()?;
    let store = open_store(&args)?;
    let components = load_components(&args, &component, &*store)?;
    let loader =
        ComponentLoader::new(Arc::clone(&store), components.sandbox.clone(), components.default_processor.clone());
    let service = Service::new(Arc::clone(&store), loader, args.settings());
    let service = Arc::new(service.with_webhook_networks(args.webhook_networks()));
    let operators = operators(&args, &store, &components)?;
    let admin = args.listening.admin_listen.zip(operators.as_ref()).map(|(address, (operations, tokens))| {
        (address, Api::admin(operations.clone(), tokens, args.admin_body_settings(), Arc::clone(&service)))
    });
    let notified = Arc::downgrade(&service);
    store.subscribe(Box::new(move |notification| {
        if let Some(service) = notified.upgrade() {
            service.handle_notification(notification);
        }
    }));

    let health = Arc::new(Health::new(Arc::clone(&service)));
    let health_listener = HealthListener::start(&args, &health)?;
    compile_ahead(&service, args.compile_ahead())?;
    health.start();
    let listening = Listening { max_connections, operators, admin, identities, health: health_listener.as_ref() };
    runtime.block_on(serve(&args, listening, &*store, &service, &health))?;
    drop(health_listener);
    // Work that still blocks a thread, such as compiling for an operator, is abandoned.
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    traces::stop(TRACES_SHUTDOWN_TIMEOUT);
    tracing::info!(event = "shutdown_finished", "stopped");
    Ok(())
}

fn open_store(args: &ServeArgs) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    let store = args.store.open(args.clock(), args.connections(), args.opening())?;
    let recovered = store.void_claims()?;
    if recovered > 0 {
        tracing::info!(
            event = "jobs_recovered",
            jobs = recovered,
            "jobs of a server that ended early go back to the queue"
        );
    }
    Ok(store)
}

fn load_components(args: &ServeArgs, bytes: &[u8], store: &dyn Store) -> Result<ComponentRuntime, Box<dyn Error>> {
    let settings = args.store.sandbox_settings(args.instances(), args.guest_memory());
    if settings.cache.is_none() {
        tracing::warn!(event = "no_cache_folder", "there is no folder for compiled components; name one with --cache");
    }
    let sandbox = Sandbox::new(settings)?;
    let sandbox = if args.draft_contracts { sandbox.with_drafts() } else { sandbox };
    let default_processor =
        if args.is_component_built_in() { sandbox.load_built_in(bytes)? } else { sandbox.load_processor(bytes)? };
    // A job accepted today may be finished by a later server, which has another default processor.
    let digest = default_processor.digest();
    let world = World::Processor;
    store.add_component(&NewComponent { digest, name: None, takes_name: false, world, bytes })?;
    Ok(ComponentRuntime { sandbox, default_processor })
}

/// Compiles components before the server listens, so that no request waits for that.
fn compile_ahead(service: &Service, timeout: Duration) -> Result<(), Box<dyn Error>> {
    if !service.compile_ahead(timeout)? {
        tracing::warn!(
            event = "compiling_goes_on",
            seconds = timeout.as_secs(),
            "not all components could be compiled before the server listens, so requests may wait for the rest"
        );
    }
    Ok(())
}

/// Returns what operators can do over HTTP and in the console, and their tokens, if they can authenticate anywhere.
fn operators(
    args: &ServeArgs,
    store: &Arc<dyn Store>,
    components: &ComponentRuntime,
) -> Result<Option<(Operations, OperatorTokens)>, Box<dyn Error>> {
    let Some(tokens) = args.operator_tokens()? else { return Ok(None) };
    let components = components.clone();
    let server = Operator::over_http("server", None, None);
    let operations = Operations::new(Arc::clone(store), server, MAX_COMPONENT_BYTES, move || Ok(components.clone()));
    Ok(Some((operations.with_webhook_networks(args.webhook_networks()), tokens)))
}

/// What a server listens with.
struct Listening<'a> {
    /// Connections to the public listener at a time.
    max_connections: usize,
    /// What operators can do, and their tokens, for the console.
    operators: Option<(Operations, OperatorTokens)>,
    /// The address for operators and their API, if there is to be a listener for them.
    admin: Option<(SocketAddr, Api)>,
    identities: ListenerIdentities,
    /// The listener for health checks, which answers already.
    health: Option<&'a HealthListener>,
}

/// Listens, runs jobs and answers requests until a signal, then shuts down.
async fn serve(
    args: &ServeArgs,
    listening: Listening<'_>,
    store: &dyn Store,
    service: &Arc<Service>,
    health: &Arc<Health>,
) -> Result<(), Box<dyn Error>> {
    let shutdown = shutdown_signal()?;
    let Listening { max_connections, operators, admin, identities, health: health_listener } = listening;
    let [public_scheme, admin_scheme] = [&identities.public, &identities.admin].map(scheme);
    // As many as connections, shared so that no few tenants can keep all connections busy.
    let (api, console) = Api::client_and_console(
        Arc::clone(service),
        args.body_settings(),
        args.answer_memory,
        max_connections,
        args.console_connections(),
        operators.filter(|_| args.listening.console_has_operators()),
    );
    let settings = HttpSettings { tls: identities.public.clone(), ..args.console_http_settings() };
    let console = args
        .listening
        .console_listen
        .map(|address| listen(args, address, Listener::Console, console, health, settings))
        .transpose()?;
    let settings = HttpSettings { tls: identities.public, ..args.http_settings(max_connections) };
    let server = listen(args, args.listening.listen, Listener::Public, api, health, settings)?;
    let settings = HttpSettings { tls: identities.admin, ..args.admin_http_settings() };
    let admin =
        admin.map(|(address, api)| listen(args, address, Listener::Admin, api, health, settings)).transpose()?;
    let workers = WorkerPool::start(service)?;
    let maintenance = MaintenanceTasks::start(service, args.sweep_interval())?;
    let announcements = if args.log.is_json() { Announcements::Json } else { Announcements::Text };
    let url = format!("{public_scheme}://{}", server.address()?);
    let (store_name, component) = (store.description(), service.default_processor());
    let message = format!("bulkhead listening on {url} store={store_name} component={component}");
    announcements.listening(Listener::Public, &url, &message);
    let (close, closing) = watch::channel(());
    let closed = |mut closing: watch::Receiver<()>| async move { drop(closing.changed().await) };
    let serving = tokio::spawn(server.run(closed(closing.clone())));
    if let Some(admin) = admin {
        let url = format!("{admin_scheme}://{}", admin.address()?);
        announcements.listening(Listener::Admin, &url, &format!("operators at {url}"));
        tokio::spawn(admin.run(closed(closing.clone())));
    }
    if let Some(console) = console {
        let url = format!("{public_scheme}://{}", console.address()?);
        announcements.listening(Listener::Console, &url, &format!("console at {url}"));
        tokio::spawn(console.run(closed(closing)));
    }
    if let Some(listener) = health_listener {
        let url = format!("http://{}", listener.address());
        announcements.listening(Listener::Health, &url, &format!("health checks at {url}"));
    }
    let manager = Arc::new(ServiceManager::find());
    manager.ready(&format!("serving at {url}"), service);

    shutdown.await;
    health.drain();
    manager.stopping();
    let drain_delay = args.drain_delay();
    if !drain_delay.is_zero() {
        tracing::info!(
            event = "drain_delayed",
            seconds = drain_delay.as_secs(),
            "reporting not ready, and serving until the drain delay is over"
        );
        tokio::time::sleep(drain_delay).await;
    }
    tracing::info!(
        event = "shutdown_started",
        "shutting down: batches in progress are committed, unfinished jobs go back to the queue"
    );
    service.end_waits();
    drop(close);
    tokio::task::spawn_blocking(move || {
        workers.stop();
        maintenance.stop();
    })
    .await?;
    serving.await?;
    // Calls in progress have had the time that requests get to finish.
    service.interrupt_calls();
    let unsettled = match store.settle() {
        Ok(true) => None,
        Ok(false) => Some(String::from("another process reads the database")),
        Err(error) => Some(error.to_string()),
    };
    if let Some(reason) = unsettled {
        tracing::warn!(event = "store_not_settled", reason, "the newest changes are still in the write-ahead log");
    }
    Ok(())
}

fn scheme(identity: &Option<Arc<TlsIdentity>>) -> &'static str {
    if identity.is_some() { "https" } else { "http" }
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
