//! Names of places. Each list is built when it is first needed, and kept for the session.

use std::borrow::Cow;
use std::cell::OnceCell;

use crate::hashing::StableSet;

use super::{country, region};

/// The lists in which a session looks up names of places.
#[derive(Debug, Default)]
pub(crate) struct PlaceNames {
    countries: OnceCell<StableSet<&'static str>>,
    regions: OnceCell<StableSet<Cow<'static, str>>>,
}

impl PlaceNames {
    pub(super) fn has_country(&self, name: &str) -> bool {
        self.countries.get_or_init(|| country::names().collect()).contains(name)
    }

    pub(super) fn has_region(&self, name: &str) -> bool {
        self.regions.get_or_init(|| region::names().collect()).contains(name)
    }
}
