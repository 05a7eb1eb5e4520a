//! Where a server listens, as both the server and what asks for its health must know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Who can log in to the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ConsoleVisitors {
    /// Tenants and operators.
    All,
    /// Tenants alone.
    Tenants,
}

/// The options that say where a server listens, and whether it speaks TLS there.
#[derive(Debug, Args)]
pub(super) struct ListenArgs {
    /// Address to listen on; with port 0 the system chooses a port.
    #[arg(long, value_name = "ADDR", env = "BULKHEAD_LISTEN", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(super) listen: SocketAddr,
    /// Address of a listener that answers /livez and /readyz alone, without TLS, however busy the other listeners are.
    #[arg(long, value_name = "ADDR", env = "BULKHEAD_HEALTH_LISTEN", value_parser = address)]
    pub(super) health_listen: Option<SocketAddr>,
    /// Address of the console, the pages for people; without this option there is none. It speaks TLS with --tls-cert.
    #[arg(long, value_name = "ADDR", env = "BULKHEAD_CONSOLE_LISTEN", value_parser = address)]
    pub(super) console_listen: Option<SocketAddr>,
    /// Who can log in to the console: tenants with their secrets alone, or also operators with --admin-token or --admin-read-token.
    #[arg(long, value_name = "WHO", env = "BULKHEAD_CONSOLE_FOR", value_enum, default_value_t = ConsoleVisitors::All)]
    pub(super) console_for: ConsoleVisitors,
    /// Address of the operators' listener; without this option there is none.
    #[arg(long, value_name = "ADDR", env = "BULKHEAD_ADMIN_LISTEN", value_parser = address)]
    pub(super) admin_listen: Option<SocketAddr>,
    /// The certificate (PEM, with those of the authorities between it and a root) with which the public and the operators'
    /// listener speak TLS. SIGHUP has the server read it and its key again.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_TLS_CERT")]
    pub(super) tls_cert: Option<PathBuf>,
    /// Another certificate for the operators' listener alone.
    #[arg(long, value_name = "FILE", env = "BULKHEAD_ADMIN_TLS_CERT")]
    pub(super) admin_tls_cert: Option<PathBuf>,
}

impl ListenArgs {
    /// Returns whether there is a console that operators can log in to, if they have a token.
    pub(super) fn console_has_operators(&self) -> bool {
        self.console_listen.is_some() && self.console_for == ConsoleVisitors::All
    }

    /// Returns the URL of the listener that a health check on this machine asks: that for health checks, else the operators', else
    /// the public one. `None` if the system chooses its port.
    pub(super) fn health_url(&self) -> Option<String> {
        let has_tls = self.tls_cert.is_some();
        let (address, is_tls) = match (self.health_listen, self.admin_listen) {
            (Some(address), _) => (address, false),
            (None, Some(address)) => (address, has_tls || self.admin_tls_cert.is_some()),
            (None, None) => (self.listen, has_tls),
        };
        local_url(address, is_tls)
    }
}

/// Returns the URL at which this machine reaches a listener; `None` if the system chooses its port.
pub(super) fn local_url(address: SocketAddr, is_tls: bool) -> Option<String> {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let scheme = if is_tls { "https" } else { "http" };
    (address.port() != 0).then(|| format!("{scheme}://{}", SocketAddr::new(host, address.port())))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| String::from("an IP address and a port are expected, such as 127.0.0.1:8080 or [::1]:8080"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::ListenArgs;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        listening: ListenArgs,
    }

    #[test]
    fn a_health_check_asks_the_listener_that_is_least_busy() {
        for (args, url) in [
            (&[][..], Some("http://127.0.0.1:8080")),
            (&["--listen", "0.0.0.0:80", "--tls-cert", "c"], Some("https://127.0.0.1:80")),
            (&["--listen", "[::]:80"], Some("http://[::1]:80")),
            (&["--listen", "10.1.2.3:80", "--admin-listen", "127.0.0.1:81"], Some("http://127.0.0.1:81")),
            (&["--admin-listen", "127.0.0.1:81", "--admin-tls-cert", "c"], Some("https://127.0.0.1:81")),
            (
                &["--admin-listen", "127.0.0.1:81", "--tls-cert", "c", "--health-listen", "[::1]:82"],
                Some("http://[::1]:82"),
            ),
            (&["--listen", "127.0.0.1:0"], None),
        ] {
            let parsed = Command::parse_from([&["x"], args].concat());
            assert_eq!(parsed.listening.health_url().as_deref(), url, "{args:?}");
        }
    }
}
