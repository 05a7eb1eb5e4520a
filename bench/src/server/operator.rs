//! What an operator does to the server.

use std::fs;

use bulkhead_tests::{Tenant, component};
use serde_json::Value;

use super::Server;
use crate::Outcome;

impl Server {
    /// Registers a component of the tests under its name.
    pub(crate) fn register(&self, name: &str) -> Outcome<()> {
        self.command(&["component", "add", &component(name).display().to_string(), "--name", name])
    }

    /// Runs an operator's command on the server's store.
    pub(crate) fn command(&self, args: &[&str]) -> Outcome<()> {
        let finished = self.command_line.run(args);
        if finished.code == Some(0) { Ok(()) } else { Err(finished.stderr.into()) }
    }

    /// Adds a tenant that may send any number of jobs. Returns its Bearer token.
    pub(crate) fn tenant(&self, name: &str) -> String {
        let tenant = self.command_line.add_tenant(name);
        // An earlier version, which has no such limit, refuses this.
        drop(self.limit(name, r#"{"jobsPerMinute": 1000000}"#));
        tenant.client_secret
    }

    /// Replaces a tenant's limits, which are JSON.
    fn limit(&self, tenant: &str, limits: &str) -> Outcome<()> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), limits)?;
        self.command(&["tenant", "set", tenant, "--limits", &file.path().display().to_string()])
    }

    /// Adds a tenant with a profile. Returns its credentials.
    pub(crate) fn tenant_with(&self, name: &str, profile: &Value) -> Tenant {
        self.command_line.add_tenant_with(name, profile)
    }
}
