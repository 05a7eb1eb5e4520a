//! The store as a whole.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::notifications::Listening;
use super::{PostgresStore, job_hints, migrations, notifications, sweep};
use crate::clock::machine_time;
use crate::domain::Timestamp;
use crate::store::{DiskSpace, JobHint, MaintenanceStore, Notification, StoreError, Swept};

impl MaintenanceStore for PostgresStore {
    fn description(&self) -> String {
        self.name.clone()
    }

    fn now(&self) -> Timestamp {
        let database = machine_time().0.saturating_add(self.clock_lead.load(Ordering::Relaxed));
        Timestamp(database.saturating_add(self.connections.clock_shift()))
    }

    fn check(&self) -> Result<(), StoreError> {
        let checked = self.connections.run_with_any_schema("trying to write", async |session| {
            migrations::check(session, &self.name, self.schema).await
        });
        self.connections.gate().checked(&checked);
        checked?;
        if self.connections.is_disk_full() {
            return Err(StoreError::Connection(String::from("the database said a moment ago that its disk is full")));
        }
        Ok(())
    }

    fn sweep(&self) -> Result<Swept, StoreError> {
        self.connections.run("sweeping", async |session| sweep::sweep(session).await)
    }

    fn shrink(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn settle(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn disk_space(&self) -> Result<Option<DiskSpace>, StoreError> {
        Ok(None)
    }

    fn subscribe(&self, notify: Box<dyn Fn(Notification) + Send + Sync>) {
        let listening = Listening {
            database: self.name.clone(),
            schema: self.schema,
            clock_lead: Arc::clone(&self.clock_lead),
            server: self.server,
            handler: notify,
            gate: Arc::clone(self.connections.gate()),
        };
        notifications::subscribe(&self.connections, self.channel.lock().take(), listening);
    }

    fn tell_servers(&self, hints: &[JobHint]) -> Result<bool, StoreError> {
        let texts = job_hints::encode(self.server, hints);
        if !texts.is_empty() {
            notifications::tell(&self.connections, &texts)?;
        }
        Ok(true)
    }
}
