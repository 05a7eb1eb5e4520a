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
pub(in crate::cli) enum Listener {
    /// For tenants' clients.
    Public,
    /// For operators.
    Admin,
    /// For health checks alone.
    Health,
    /// For people.
    Console,
}

impl Listener {
    /// Returns the option with the listener's address.
    pub(in crate::cli) fn option(self) -> &'static str {
        match self {
            Self::Public => "--listen",
            Self::Admin => "--admin-listen",
            Self::Health => "--health-listen",
            Self::Console => "--console-listen",
        }
    }

    /// Says why a server does not listen at an address that other machines reach, and what to do.
    pub(super) fn refusal(self, address: SocketAddr) -> String {
        let (option, exposed) = (self.option(), self.exposed().unwrap_or("requests"));
        format!(
            "with {option} {address}, other machines would send {exposed} without TLS, so the server does not start. Give --tls-cert and --tls-key; or listen on 127.0.0.1 behind a proxy with TLS; or name a proxy on another machine with --trusted-proxy. --insecure-listen starts the server anyway"
        )
    }

    /// Returns what others on the way can read, unless it is nothing that they must not.
    fn exposed(self) -> Option<&'static str> {
        match self {
            Self::Public => Some("secrets, tokens and contacts"),
            Self::Admin => Some("the operators' token and tenants' secrets"),
            Self::Health => None,
            Self::Console => Some("secrets, sessions and contacts"),
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Public => "public",
            Self::Admin => "admin",
            Self::Health => "health",
            Self::Console => "console",
        })
    }
}

/// Listens on an address. Warns if that sends in the clear what others must not read.
///
/// # Errors
/// If the address is not available.
pub(super) fn listen(
    args: &ServeArgs,
    address: SocketAddr,
    listener: Listener,
    api: Api,
    health: &Arc<Health>,
    settings: HttpSettings,
) -> Result<Server, String> {
    let server = Server::bind(address, api, Arc::clone(health), settings).map_err(|error| {
        let option = listener.option();
        let why = io_error(&error);
        format!("cannot listen on {address}: {why}. Is another server running? Choose an address with {option}.")
    })?;
    if let (true, Some(exposed)) = (args.is_exposed(listener, address), listener.exposed()) {
        tracing::warn!(
            event = "listens_without_tls",
            %listener,
            %address,
            "other machines reach this listener without TLS, so whoever is on the way can read {}, as --insecure-listen allows",
            exposed
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
        let Some(address) = args.listening.health_listen else { return Ok(None) };
        let runtime = runtime()?;
        let entered = runtime.enter();
        let server = listen(args, address, Listener::Health, Api::health(), health, args.health_http_settings())?;
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
