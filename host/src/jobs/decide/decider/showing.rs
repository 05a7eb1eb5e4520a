//! Stored contacts and their fields, as the tenant's processor shows them.

use super::{DecideError, Decider};
use crate::domain::{ContactId, StoredContact};
use crate::jobs::host_watch::Phase;
use crate::sandbox::{CellTable, Fields};

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
