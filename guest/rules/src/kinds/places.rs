//! Names of places, gathered when the first is asked for and kept for the session.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::{country, region};
use crate::hashing::Set;

/// The lists a session looks places up in.
#[derive(Debug, Default)]
pub(crate) struct Places {
    countries: OnceCell<Set<&'static str>>,
    regions: OnceCell<Set<Cow<'static, str>>>,
}

impl Places {
    pub(super) fn has_country(&self, name: &str) -> bool {
        self.countries.get_or_init(|| country::names().collect()).contains(name)
    }

    pub(super) fn has_region(&self, name: &str) -> bool {
        self.regions.get_or_init(|| region::names().collect()).contains(name)
    }
}
