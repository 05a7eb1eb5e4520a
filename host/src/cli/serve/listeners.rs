//! A server's listeners: what each is for, and what an operator should know of its address.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bulkhead::http::{Api, Health, HttpSettings, Server};
use bulkhead::plain_words::io_error;
use tokio::runtime::Runtime;

use super::args::ServeArgs;

/// Threads that ask the store whether it is ready: one waits for the answer, and one is spare.
const HEALTH_BLOCKING_THREADS: usize = 2;

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    /// For tenants' clients.
    Public,
    /// For operators.
    Admin,
    /// For health checks alone.
    Health,
}

impl Listener {
    /// Returns the option with the listener's address.
    fn option(self) -> &'static str {
        match self {
            Self::Public => "--listen",
            Self::Admin => "--admin-listen",
            Self::Health => "--health-listen",
        }
    }

    /// Returns what others on the way can read, unless it is nothing that they must not.
    fn exposed(self) -> Option<&'static str> {
        match self {
            Self::Public => Some("secrets, tokens and contacts"),
            Self::Admin => Some("the operators' token and tenants' secrets"),
            Self::Health => None,
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Admin => "admin",
            Self::Health => "health",
        })
    }
}

/// Listens on an address. Warns if that sends in the clear what others must not read.
///
/// # Errors
/// If the address is not available.
pub(super) fn listen(
    address: SocketAddr,
    listener: Listener,
    api: Api,
    health: &Arc<Health>,
    settings: HttpSettings,
) -> Result<Server, String> {
    // A proxy on this machine needs no listener that other machines reach.
    let has_proxy = settings.connections.trusted_proxies.has_remote();
    let server = Server::bind(address, api, Arc::clone(health), settings).map_err(|error| {
        let option = listener.option();
        let why = io_error(&error);
        format!("cannot listen on {address}: {why}. Is another server running? Choose an address with {option}.")
    })?;
    let is_exposed = !address.ip().to_canonical().is_loopback() && !has_proxy;
    if let (true, Some(exposed)) = (is_exposed, listener.exposed()) {
        tracing::warn!(
            event = "listens_without_tls",
            %listener,
            %address,
            "other machines reach this listener without TLS, so whoever is on the way can read {}; listen on 127.0.0.1 ({}) behind a proxy with TLS, or name the proxy with --trusted-proxy",
            exposed,
            listener.option()
        );
    }
    Ok(server)
}

/// The listener for health checks. It has threads of its own, so that no request delays a health check.
pub(super) struct HealthListener {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl HealthListener {
    /// Starts the listener, if there is to be one. It serves until this is dropped.
    ///
    /// # Errors
    /// If the address is not available, or the system gives no thread.
    pub(super) fn start(args: &ServeArgs, health: &Arc<Health>) -> Result<Option<Self>, Box<dyn std::error::Error>> {
        let Some(address) = args.health_listen else { return Ok(None) };
        let runtime = runtime()?;
        let entered = runtime.enter();
        let server = listen(address, Listener::Health, Api::health(), health, args.health_http_settings())?;
        let address = server.address()?;
        runtime.spawn(server.run(std::future::pending()));
        drop(entered);
        Ok(Some(Self { address, runtime: Some(runtime) }))
    }

    /// Returns the address that the listener listens on.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HealthListener {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(HEALTH_BLOCKING_THREADS)
        .thread_name("health")
        .enable_all()
        .build()
}
