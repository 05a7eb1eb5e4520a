//! Items.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// An item's members. Each is parsed only on request, because an unused member may be nested deeply or contain a lone
/// surrogate.
pub(crate) struct Item<'a>(HashMap<String, &'a RawValue>);

impl<'a> Item<'a> {
    /// Reads an item. A text that is not an object has no members.
    pub(crate) fn read(text: &'a str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// Returns a member that is a string. A string with a lone surrogate is returned as U+FFFD.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.get();
        text.starts_with('"').then(|| serde_json::from_str(text).unwrap_or_else(|_| String::from("\u{fffd}")))
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.get() == "true")
    }
}
