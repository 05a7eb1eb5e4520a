//! What the server tells systemd, or whoever else started it and set `NOTIFY_SOCKET`: that it serves, that it is alive, that it
//! stops. See `sd_notify(3)`.

use std::env;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bulkhead::jobs::Service;

/// Whoever started the server, if it wants to hear of it.
pub(super) struct ServiceManager(Option<(UnixDatagram, SocketAddr)>);

impl ServiceManager {
    /// Finds the service manager by the environment.
    pub(super) fn find() -> Self {
        let address = || {
            let name = env::var_os("NOTIFY_SOCKET")?;
            #[cfg(target_os = "linux")]
            if let Some(name) = name.to_str().and_then(|name| name.strip_prefix('@')) {
                return SocketAddr::from_abstract_name(name).ok();
            }
            SocketAddr::from_pathname(PathBuf::from(name)).ok()
        };
        Self(address().and_then(|address| Some((UnixDatagram::unbound().ok()?, address))))
    }

    /// Says that the server serves; `status` is a line for people. From then on says that it is alive, twice in the time after which
    /// the service manager would restart it, as long as not too many threads are stalled.
    pub(super) fn ready(self: &Arc<Self>, status: &str, service: &Arc<Service>) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
        let Some(interval) = watchdog_interval() else { return };
        let (manager, service) = (Arc::clone(self), Arc::clone(service));
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(interval);
            loop {
                ticks.tick().await;
                if !service.has_too_many_stalled_threads() {
                    manager.tell("WATCHDOG=1");
                }
            }
        });
    }

    /// Says that the server stops.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Nobody may hear it, which changes nothing.
    fn tell(&self, state: &str) {
        if let Some((socket, address)) = &self.0 {
            drop(socket.send_to_addr(state.as_bytes(), address));
        }
    }
}

/// Returns half of the time after which the service manager restarts a server that is silent, if it does.
fn watchdog_interval() -> Option<Duration> {
    let micros = env::var("WATCHDOG_USEC").ok()?.parse::<u64>().ok().filter(|micros| *micros > 1)?;
    // Meant for another process, if this is set and not this one's id.
    let is_for_us = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
    is_for_us.then_some(Duration::from_micros(micros / 2))
}
