//! `bulkhead` for one store: how a server is started and how an operator's commands are run.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::command::{Finished, bulkhead, cleared, finish, under};
use crate::tenant::Tenant;

/// The command line of `bulkhead` with the arguments that name a store.
#[derive(Debug, Clone)]
pub struct CommandLine {
    store: [String; 2],
    cache: Option<PathBuf>,
    /// Words before the program that run it elsewhere, for example in another namespace.
    prefix: Vec<String>,
    /// Another program than that of this version.
    program: Option<PathBuf>,
}

impl CommandLine {
    /// Returns a command line that uses the embedded store in a folder.
    pub fn on_folder(folder: &Path) -> Self {
        Self { store: [String::from("--data"), text(folder)], cache: None, prefix: Vec::new(), program: None }
    }

    /// Returns a command line that uses a PostgreSQL database.
    pub fn on_database(url: &str) -> Self {
        Self { store: [String::from("--database"), url.to_owned()], cache: None, prefix: Vec::new(), program: None }
    }

    /// Sets the folder for compiled components.
    #[must_use]
    pub fn cache(mut self, folder: PathBuf) -> Self {
        self.cache = Some(folder);
        self
    }

    /// Puts words before the program that run it elsewhere.
    #[must_use]
    pub fn prefix(mut self, words: Vec<String>) -> Self {
        self.prefix = words;
        self
    }

    /// Runs the program of another version.
    #[must_use]
    pub fn program(mut self, program: &Path) -> Self {
        self.program = Some(program.to_owned());
        self
    }

    /// Returns the command that starts a server on a free port of an address, with its log in JSON. Where other machines could reach
    /// the server, nothing is secret in a test.
    pub fn serve(&self, address: &str) -> Command {
        let mut command = self.command(&["serve"]);
        if !address.starts_with("127.") {
            command.arg("--insecure-listen");
        }
        command.args(["--log-format", "json", "--listen"]).arg(format!("{address}:0"));
        command
    }

    /// Runs an operator's command to its end, such as `component list`.
    pub fn run(&self, args: &[&str]) -> Finished {
        finish(self.command(args), &[])
    }

    /// Adds a tenant with the default profile.
    ///
    /// # Panics
    /// If the command fails, as the methods below.
    pub fn add_tenant(&self, name: &str) -> Tenant {
        Tenant::parse(&self.run(&["tenant", "add", name]).expect(0).stdout)
    }

    /// Adds a tenant with a profile.
    pub fn add_tenant_with(&self, name: &str, profile: &Value) -> Tenant {
        let file = json_file(profile);
        Tenant::parse(&self.run(&["tenant", "add", name, "--profile", &text(file.path())]).expect(0).stdout)
    }

    /// Replaces a tenant's limits.
    pub fn set_limits(&self, tenant: &str, limits: &Value) {
        let file = json_file(limits);
        self.run(&["tenant", "set", tenant, "--limits", &text(file.path())]).expect(0);
    }

    fn command(&self, args: &[&str]) -> Command {
        let program = self.program.as_ref().map_or_else(bulkhead, |program| cleared(program));
        let mut command = if self.prefix.is_empty() { program } else { under(&self.prefix, &program) };
        command.args(args).args(&self.store);
        if let Some(cache) = &self.cache {
            command.arg("--cache").arg(cache);
        }
        command
    }
}

fn json_file(value: &Value) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("there is room for a file");
    file.write_all(value.to_string().as_bytes()).expect("a file can be written");
    file
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
