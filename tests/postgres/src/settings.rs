//! How a cluster is run.

use crate::Part;
use crate::disk::Wanted;

/// How a cluster is run. By default it is fast and loses everything in a power cut, but nothing when PostgreSQL dies.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    durable: bool,
    everywhere: bool,
    tls: Option<(String, String)>,
    disk: Option<Wanted>,
    lines: Vec<(String, String)>,
}

impl Settings {
    /// With everything on disk before a commit returns, as real clusters have it: for measurements.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Reachable by all addresses of this machine, not by 127.0.0.1 alone: for hosts in other network namespaces.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    /// Speaking TLS with this certificate and its key, in PEM, and with nobody in plain text.
    #[must_use]
    pub fn tls(mut self, certificate: &str, key: &str) -> Self {
        self.tls = Some((certificate.to_owned(), key.to_owned()));
        self.with("ssl", "on")
    }

    /// With a part of it on a disk of its own, of so many MiB, which a test can fill up. (Linux)
    #[must_use]
    pub fn on_a_disk(mut self, part: Part, mib: u32) -> Self {
        self.disk = Some(Wanted { part, mib });
        self
    }

    pub(crate) fn disk(&self) -> Option<&Wanted> {
        self.disk.as_ref()
    }

    /// With a setting of `postgresql.conf`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.lines.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn certificate_and_key(&self) -> Option<(&str, &str)> {
        self.tls.as_ref().map(|(certificate, key)| (certificate.as_str(), key.as_str()))
    }

    pub(crate) fn is_everywhere(&self) -> bool {
        self.everywhere
    }

    /// Lines for `postgresql.conf`; later ones win.
    pub(crate) fn file(&self, port: u16, sockets: &str) -> String {
        let mut lines = vec![
            ("port", port.to_string()),
            ("listen_addresses", String::from(if self.everywhere { "*" } else { "127.0.0.1" })),
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
