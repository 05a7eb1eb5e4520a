//! What an operator does to the server.

use std::fs;

use bulkhead_tests::{Tenant, component};
use serde_json::Value;

use super::Server;
use crate::Outcome;

/// The token of the admin listener.
pub(crate) const ADMIN_TOKEN: &str = "an-operators-token-for-measurements";

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
    pub(crate) fn limit(&self, tenant: &str, limits: &str) -> Outcome<()> {
        let file = tempfile::NamedTempFile::new()?;
        fs::write(file.path(), limits)?;
        self.command(&["tenant", "set", tenant, "--limits", &file.path().display().to_string()])
    }

    /// Adds a tenant through the admin listener, which the server was started with and with [`ADMIN_TOKEN`]. Returns its Bearer
    /// token.
    pub(crate) fn tenant_over_http(&self, name: &str) -> Outcome<String> {
        let address = self.process.admin_address().ok_or("the server has no admin listener")?;
        let body = serde_json::json!({ "tenant": name }).to_string();
        let (_, answer) = self.send(&format!("http://{address}/admin/tenants"), ADMIN_TOKEN, body.as_bytes())?;
        Ok(answer.get("client_secret").and_then(Value::as_str).ok_or_else(|| answer.to_string())?.to_owned())
    }

    /// Returns the server's metrics, of which the admin listener tells everybody.
    pub(crate) fn metrics(&self) -> Outcome<String> {
        let address = self.process.admin_address().ok_or("the server has no admin listener")?;
        Ok(self.agent.get(format!("http://{address}/metrics")).call()?.body_mut().read_to_string()?)
    }

    /// Adds a tenant with a profile. Returns its credentials.
    pub(crate) fn tenant_with(&self, name: &str, profile: &Value) -> Tenant {
        self.command_line.add_tenant_with(name, profile)
    }
}
