//! An item as it was sent.

use std::collections::HashMap;

use serde_json::value::RawValue;

/// Its members, each still to be read: one that nobody asks for may be nested deeply or hold halves of characters.
pub(crate) struct Item<'a>(HashMap<String, &'a RawValue>);

impl<'a> Item<'a> {
    /// What is no object has no members.
    pub(crate) fn read(text: &'a str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// A member that is a string. One with half a character in it, which is no text, is the sign for that.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        let text = self.0.get(name)?.get();
        text.starts_with('"').then(|| serde_json::from_str(text).unwrap_or_else(|_| String::from("\u{fffd}")))
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.get() == "true")
    }
}
