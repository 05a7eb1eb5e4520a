//! Stored contacts and their fields, as the tenant's processor shows them.

use bulkhead_bounds::MAX_CONTACTS_PER_CALL;

use super::{DecideError, Decider};
use crate::domain::{ContactId, StoredContact, Warning};
use crate::jobs::decide::changes::Changes;
use crate::jobs::decide::components::ComponentCallError;
use crate::jobs::host_watch::Phase;
use crate::metrics::BatchPhase;
use crate::sandbox::{CallError, CellTable, Fields, GuestFailure};
use crate::store::BatchCommit;

impl Decider<'_> {
    /// Returns contacts as clients see them, in order: JSON objects.
    ///
    /// # Errors
    /// As [`Self::plan`], apart from the time for the request.
    pub(in crate::jobs) fn present(
        &mut self,
        contacts: &[StoredContact],
    ) -> Result<Vec<(ContactId, String)>, DecideError> {
        let presented = {
            let _computing = self.watch.enter_for(Phase::Guest, self.time_to_start() + self.time_for(contacts.len()));
            self.starter.present(contacts)
        };
        presented.map_err(|error| self.call_failed(error))
    }

    /// Returns contacts as rows of a table, with a cell for each column; `None` if the processor's version of the contract has no
    /// rows. The processor is started once for all calls of this.
    ///
    /// # Errors
    /// As [`Self::present`].
    pub(in crate::jobs) fn cells(
        &mut self,
        columns: &[String],
        contacts: &[StoredContact],
    ) -> Result<Option<CellTable>, DecideError> {
        let started = self.tabulator.take();
        let made = {
            let _computing = self.watch.enter_for(Phase::Guest, self.time_to_start() + self.time_for(contacts.len()));
            started.map_or_else(|| self.starter.tabulator(), Ok).and_then(|mut tabulator| {
                let table = tabulator.cells(columns, contacts)?;
                Ok((tabulator, table))
            })
        };
        let (tabulator, table) = made.map_err(|error| self.call_failed(error))?;
        self.tabulator = Some(tabulator);
        Ok(table)
    }

    /// Adds to the rows of a commit which members of their contacts would change. If the processor cannot show contacts, the rows
    /// say that instead: they are as right as without.
    ///
    /// # Errors
    /// Why work on the request ends.
    pub(super) fn show_changes(&mut self, changes: &Changes<'_>, commit: &mut BatchCommit) -> Result<(), DecideError> {
        let told = if self.has_failed_to_show || self.is_out_of_time() {
            Vec::new()
        } else {
            match self.tell_changes(changes) {
                Ok(told) => told,
                Err(DecideError::Component(_)) => {
                    self.has_failed_to_show = true;
                    Vec::new()
                }
                Err(error) => return Err(error),
            }
        };
        let mut told = told.into_iter();
        for (row, change) in commit.rows.iter_mut().zip(&changes.items) {
            row.changes = told.next().flatten();
            if change.is_some() && row.changes.is_none() {
                row.remarks.warnings.push(Warning { field: String::new(), code: String::from("changes_not_shown") });
            }
        }
        Ok(())
    }

    /// Returns what each item would change, as [`Changes::told`].
    fn tell_changes(&mut self, changes: &Changes<'_>) -> Result<Vec<Option<String>>, DecideError> {
        let objects = self.present_changed(&changes.contacts)?;
        changes.told(&objects).map_err(|detail| {
            let error = CallError::Failed { failure: GuestFailure::BrokeContract, detail };
            self.call_failed(ComponentCallError { component: self.request.pinned.processor, error })
        })
    }

    /// Returns contacts as clients see them, in order; whether they are JSON is not checked. The processor is started once for all
    /// calls of this.
    fn present_changed(&mut self, contacts: &[StoredContact]) -> Result<Vec<String>, DecideError> {
        let mut objects = Vec::with_capacity(contacts.len());
        for contacts in contacts.chunks(MAX_CONTACTS_PER_CALL) {
            let started = self.tabulator.take();
            let shown = {
                let time = self.time_to_start() + self.time_for(contacts.len());
                let _computing = self.watch.enter_for(Phase::Guest, time);
                let starter = &self.starter;
                self.meter.time_guest(BatchPhase::Show, || {
                    started.map_or_else(|| starter.tabulator(), Ok).and_then(|mut tabulator| {
                        let shown = tabulator.objects(contacts)?;
                        Ok((tabulator, shown))
                    })
                })
            };
            let (tabulator, shown) = shown.map_err(|error| self.call_failed(error))?;
            self.tabulator = Some(tabulator);
            objects.extend(shown);
        }
        Ok(objects)
    }

    /// Returns the fields of the tenant's contacts.
    ///
    /// # Errors
    /// As [`Self::plan`], apart from the time for the request.
    pub(in crate::jobs) fn fields(&mut self) -> Result<Fields, DecideError> {
        let fields = {
            let _computing = self.watch.enter_for(Phase::Guest, self.time_to_start() + self.time_for(0));
            self.starter.fields()
        };
        fields.map_err(|error| self.call_failed(error))
    }

    /// Returns whether the processor marks contacts as anonymous, so that a search can find those.
    ///
    /// # Errors
    /// If the processor cannot be loaded.
    pub(in crate::jobs) fn marks_anonymous(&mut self) -> Result<bool, DecideError> {
        let known = {
            let _computing = self.watch.enter_for(Phase::Start, self.time_to_start());
            self.starter.marks_anonymous()
        };
        known.map_err(|error| self.call_failed(error))
    }
}
