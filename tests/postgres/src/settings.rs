//! The settings of a cluster.

use crate::ClusterPart;
use crate::disk::DiskSettings;

/// The settings of a cluster. By default a cluster is fast: it loses data in a power cut, but not when PostgreSQL is killed.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    durable: bool,
    listens_everywhere: bool,
    tls: Option<(String, String)>,
    disk: Option<DiskSettings>,
    version: Option<u32>,
    lines: Vec<(String, String)>,
}

impl Settings {
    /// Makes each commit wait for the disk, as in production. For measurements.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Listens on all addresses of this machine, not only on 127.0.0.1. For servers in other network namespaces.
    #[must_use]
    pub fn listen_everywhere(mut self) -> Self {
        self.listens_everywhere = true;
        self
    }

    /// Accepts only connections over TLS, with this certificate and its key in PEM.
    #[must_use]
    pub fn tls(mut self, certificate: &str, key: &str) -> Self {
        self.tls = Some((certificate.to_owned(), key.to_owned()));
        self.with("ssl", "on")
    }

    /// Puts a part of the cluster on a small disk of `mib` MiB, which a test can fill up. (Linux)
    #[must_use]
    pub fn on_small_disk(mut self, part: ClusterPart, mib: u32) -> Self {
        self.disk = Some(DiskSettings { part, mib });
        self
    }

    pub(crate) fn disk(&self) -> Option<&DiskSettings> {
        self.disk.as_ref()
    }

    /// Uses another major version of PostgreSQL: one that `scripts/postgres-tools` gets.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = Some(version);
        self
    }

    pub(crate) fn other_version(&self) -> Option<u32> {
        self.version
    }

    /// Adds a setting of `postgresql.conf`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn certificate_and_key(&self) -> Option<(&str, &str)> {
        self.tls.as_ref().map(|(certificate, key)| (certificate.as_str(), key.as_str()))
    }

    pub(crate) fn does_listen_everywhere(&self) -> bool {
        self.listens_everywhere
    }

    /// Returns lines for `postgresql.conf`. Of two lines with one name, the later one counts.
    pub(crate) fn file(&self, port: u16, sockets: &str) -> String {
        let mut lines = vec![
            ("port", port.to_string()),
            ("listen_addresses", String::from(if self.listens_everywhere { "*" } else { "127.0.0.1" })),
            ("unix_socket_directories", sockets.to_owned()),
            ("max_connections", String::from("500")),
            ("log_min_messages", String::from("warning")),
        ];
        if !self.durable {
            lines.push(("fsync", String::from("off")));
            lines.push(("full_page_writes", String::from("off")));
        }
        lines.extend(self.lines.iter().map(|(name, value)| (name.as_str(), value.clone())));
        lines.iter().map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''"))).collect()
    }
}
