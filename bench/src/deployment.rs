//! Servers on a store that nothing else uses.

use std::{fs, iter};

use bulkhead_postgres::{Cluster, Settings};

use crate::server::Server;
use crate::{Outcome, cpu};

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

impl Store {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Servers and their store, which go when this is dropped.
pub(crate) struct Deployment {
    // Before the database, so that no server outlives it.
    pub(crate) server: Server,
    further: Vec<Server>,
    database: Option<Database>,
}

impl Deployment {
    /// Starts a server on an empty store.
    pub(crate) fn start(store: Store, args: &[&str]) -> Outcome<Self> {
        match store {
            Store::Sqlite => Ok(Self { server: Server::start_with(args)?, further: Vec::new(), database: None }),
            Store::Postgres => Self::start_servers(1, args),
        }
    }

    /// Starts servers, at least one, on an empty PostgreSQL database.
    pub(crate) fn start_servers(count: usize, args: &[&str]) -> Outcome<Self> {
        let database = Database::start()?;
        let server = Server::start_on(&database.url(), args)?;
        let further = (1..count).map(|_| Server::start_on(&database.url(), args)).collect::<Outcome<_>>()?;
        Ok(Self { server, further, database: Some(database) })
    }

    /// Returns all servers.
    pub(crate) fn servers(&self) -> impl Iterator<Item = &Server> + Clone {
        iter::once(&self.server).chain(&self.further)
    }

    /// Returns the seconds of processor time that the servers have used.
    pub(crate) fn servers_cpu(&self) -> Outcome<f64> {
        self.servers().map(|server| cpu::of_process(server.process_id())).sum()
    }

    /// Returns the seconds of processor time that the database has used. SQLite's are those of its server.
    pub(crate) fn database_cpu(&self) -> Outcome<f64> {
        self.database.as_ref().map_or(Ok(0.0), Database::cpu)
    }

    /// Returns the bytes of the store on its disk.
    pub(crate) fn disk_bytes(&self) -> Outcome<u64> {
        match &self.database {
            Some(database) => database.disk_bytes(),
            None => {
                let files = ["bulkhead.sqlite", "bulkhead.sqlite-wal"];
                let sizes = files.iter().filter_map(|name| fs::metadata(self.server.data().join(name)).ok());
                Ok(sizes.map(|file| file.len()).sum())
            }
        }
    }
}

/// A PostgreSQL cluster with durable commits, and a database in it.
pub(crate) struct Database {
    cluster: Cluster,
    name: String,
    /// The process that started all others of the cluster.
    postmaster: u32,
}

impl Database {
    pub(crate) fn start() -> Outcome<Self> {
        let cluster = Cluster::start_with(&Settings::default().durable());
        let name = cluster.fresh_database();
        let file = cluster.query(&name, "SELECT pg_read_file('postmaster.pid')");
        let postmaster = file.lines().next().ok_or("no process in postmaster.pid")?.trim().parse()?;
        Ok(Self { cluster, name, postmaster })
    }

    pub(crate) fn url(&self) -> String {
        self.cluster.url(&self.name)
    }

    /// Returns the seconds of processor time that PostgreSQL has used.
    pub(crate) fn cpu(&self) -> Outcome<f64> {
        cpu::of_family(self.postmaster)
    }

    fn disk_bytes(&self) -> Outcome<u64> {
        Ok(self.cluster.query(&self.name, "SELECT pg_database_size(current_database())").parse()?)
    }
}
