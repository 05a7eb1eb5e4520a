//! The options of the listeners, as the settings that they become.

use std::time::Duration;

use bulkhead::http::{AllowedOrigins, BodySettings, ConnectionLimits, HttpSettings, TrustedProxies};
use bulkhead::operations::MAX_COMPONENT_BYTES;

use super::ServeArgs;

/// Connections to the operators' listener at a time.
pub(in crate::cli::serve) const MAX_ADMIN_CONNECTIONS: usize = 16;
/// Connections to the console's listener at a time. A browser opens six.
const MAX_CONSOLE_CONNECTIONS: usize = 256;
/// Connections to the listener for health checks at a time.
pub(in crate::cli::serve) const MAX_HEALTH_CONNECTIONS: usize = 32;
/// Time for a head to arrive at the operators' listener and at the one for health checks at most.
const MAX_SMALL_HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that one client may have by default at least.
const MIN_CONNECTIONS_PER_ADDRESS: usize = 16;

impl ServeArgs {
    /// Returns the limits of the public listener with `max_connections` connections.
    pub(in crate::cli::serve) fn http_settings(&self, max_connections: usize) -> HttpSettings {
        let share = (max_connections / 4).max(MIN_CONNECTIONS_PER_ADDRESS);
        HttpSettings {
            connections: ConnectionLimits {
                total: max_connections,
                per_address: self.max_connections_per_address.unwrap_or(share).min(max_connections),
                header_timeout: Duration::from_secs(self.header_timeout),
                idle_timeout: Duration::from_secs(self.idle_timeout),
                trusted_proxies: self.trusted_proxies(),
            },
            write_timeout: Duration::from_secs(self.write_timeout),
            min_answer_bytes_per_second: self.min_transfer_rate,
            allowed_origins: AllowedOrigins::new(self.cors_origin.clone()),
            access_log: self.access_log,
            tls: None,
        }
    }

    pub(in crate::cli::serve) fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxy.clone())
    }

    pub(in crate::cli::serve) fn body_settings(&self) -> BodySettings {
        BodySettings {
            max_bytes: self.max_body,
            timeout: Duration::from_secs(self.body_timeout),
            min_bytes_per_second: self.min_transfer_rate,
            memory_bytes: self.body_memory,
            connections: self.max_connections,
        }
    }

    /// Returns the limits of the console's listener. People are few beside programs, and no page of another origin reads pages.
    pub(in crate::cli::serve) fn console_http_settings(&self) -> HttpSettings {
        let settings = self.http_settings(self.console_connections());
        HttpSettings { allowed_origins: AllowedOrigins::default(), ..settings }
    }

    /// Returns the number of connections that the console's listener may have.
    pub(in crate::cli::serve) fn console_connections(&self) -> usize {
        MAX_CONSOLE_CONNECTIONS.min(self.max_connections)
    }

    pub(in crate::cli::serve) fn admin_http_settings(&self) -> HttpSettings {
        self.small_http_settings(MAX_ADMIN_CONNECTIONS)
    }

    pub(in crate::cli::serve) fn health_http_settings(&self) -> HttpSettings {
        self.small_http_settings(MAX_HEALTH_CONNECTIONS)
    }

    /// Returns the limits of a listener for few clients.
    fn small_http_settings(&self, total: usize) -> HttpSettings {
        let settings = self.http_settings(total);
        let header_timeout = settings.connections.header_timeout.min(MAX_SMALL_HEADER_TIMEOUT);
        let connections = ConnectionLimits { per_address: total / 2, header_timeout, ..settings.connections };
        HttpSettings { connections, allowed_origins: AllowedOrigins::default(), ..settings }
    }

    /// Returns the limits of operators' bodies: components are larger than requests, and operators are few.
    pub(in crate::cli::serve) fn admin_body_settings(&self) -> BodySettings {
        BodySettings {
            max_bytes: MAX_COMPONENT_BYTES,
            memory_bytes: MAX_COMPONENT_BYTES * 2,
            connections: MAX_ADMIN_CONNECTIONS,
            ..self.body_settings()
        }
    }

    /// Returns the number of connections that the public listener may have, unless the system gives fewer.
    pub(in crate::cli::serve) fn max_connections(&self) -> usize {
        self.max_connections
    }
}
