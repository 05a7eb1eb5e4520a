//! What options mean together.

use std::net::{IpAddr, SocketAddr};

use bulkhead::store::postgres::DatabaseUrl;
use bulkhead::traces::TraceSettings;

use super::ServeArgs;
use crate::cli::listening::ListenArgs;
use crate::cli::serve::listeners::Listener;
use crate::cli::store::Place;

impl ServeArgs {
    /// Checks what options mean together.
    ///
    /// # Errors
    /// If they name two stores, an operators' listener without a token, a certificate without a key or the other way round, one
    /// address for two listeners, or an address at which others could read what clients send; or if a variable says of traces what
    /// cannot be meant.
    pub(in crate::cli) fn check(&self) -> Result<(), String> {
        if let Place::Database(url) = self.store.place()? {
            url.parse::<DatabaseUrl>().map_err(|error| format!("--database: {error}"))?;
        }
        TraceSettings::of_environment().map_err(|error| error.to_string())?;
        self.tls_files()?;
        if self.admin_tls_files()?.is_some() && self.listening.admin_listen.is_none() {
            return Err(String::from(
                "--admin-tls-cert is for the operators' listener, and there is none: give --admin-listen, too, or leave --admin-tls-cert and --admin-tls-key out",
            ));
        }
        let listeners = self.listeners();
        for (place, (listener, address)) in listeners.iter().enumerate() {
            let mut others = listeners.iter().take(place);
            if let Some((other, taken)) = others.find(|(_, other)| would_collide(*address, *other)) {
                return Err(format!(
                    "{} {taken} and {} {address} are one address, and only one listener can have it; choose another port",
                    other.option(),
                    listener.option()
                ));
            }
        }
        self.operator_tokens()?;
        for (listener, address) in listeners {
            if self.is_exposed(listener, address) && !self.insecure_listen {
                return Err(listener.refusal(address));
            }
        }
        Ok(())
    }

    /// Returns the listeners that there are to be, with their addresses.
    pub(in crate::cli) fn listeners(&self) -> Vec<(Listener, SocketAddr)> {
        let ListenArgs { listen, health_listen, admin_listen, console_listen, .. } = self.listening;
        let all = [
            (Listener::Public, Some(listen)),
            (Listener::Admin, admin_listen),
            (Listener::Console, console_listen),
            (Listener::Health, health_listen),
        ];
        all.into_iter().filter_map(|(listener, address)| Some((listener, address?))).collect()
    }

    /// Returns whether others can read what clients send to a listener at this address.
    pub(in crate::cli::serve) fn is_exposed(&self, listener: Listener, address: SocketAddr) -> bool {
        let has_tls = match listener {
            Listener::Public | Listener::Console => self.listening.tls_cert.is_some(),
            Listener::Admin => self.listening.tls_cert.is_some() || self.listening.admin_tls_cert.is_some(),
            // What it says is no secret.
            Listener::Health => true,
        };
        // A proxy on this machine needs no listener that other machines reach.
        !has_tls && !address.ip().to_canonical().is_loopback() && !self.trusted_proxies().has_remote()
    }
}

/// Returns whether two listeners cannot have these addresses: one port, of one address or of all.
fn would_collide(first: SocketAddr, second: SocketAddr) -> bool {
    let [one, other] = [first, second].map(|address| address.ip().to_canonical());
    // All addresses of IPv6 are those of IPv4, too, unless the system keeps them apart.
    let has_all = |ip: IpAddr, other: IpAddr| ip.is_unspecified() && (ip.is_ipv6() || other.is_ipv4());
    first.port() == second.port() && first.port() != 0 && (one == other || has_all(one, other) || has_all(other, one))
}

#[cfg(test)]
mod tests {
    use super::would_collide;

    #[test]
    fn addresses_collide_that_one_machine_cannot_have_twice() {
        for (first, second, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("0.0.0.0:80", "10.1.2.3:80", true),
            ("[::]:80", "10.1.2.3:80", true),
            ("[::]:80", "[::1]:80", true),
            ("0.0.0.0:80", "[::1]:80", false),
            ("[::ffff:10.1.2.3]:80", "10.1.2.3:80", true),
        ] {
            let [first, second] = [first, second].map(|address| address.parse().unwrap());
            assert_eq!([would_collide(first, second), would_collide(second, first)], [expected; 2], "{first} {second}");
        }
    }
}
