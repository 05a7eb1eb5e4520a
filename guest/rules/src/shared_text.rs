//! Texts that are parts of a larger one.
//!
//! Most values are stored as they were sent. They stay in the text of the item, or of the stored document, which lives as long as
//! one of its parts: a value of its own memory would take several times the steps of reading it.

use std::borrow::Cow;
use std::ops::{Deref, Range};
use std::rc::Rc;

use serde::{Serialize, Serializer};

/// A part of a text that others have parts of too, or a text of its own.
#[derive(Debug, Clone)]
pub(crate) struct SharedText {
    source: Rc<String>,
    range: Range<usize>,
}

impl SharedText {
    /// Returns a text. If it is a part of `source`, it is not copied.
    #[inline]
    pub(crate) fn of(source: &Rc<String>, text: Cow<'_, str>) -> Self {
        match place(source, &text) {
            Some(range) => Self { source: Rc::clone(source), range },
            None => Self::from(text.into_owned()),
        }
    }
}

/// Returns where in `source` a part of it lies, and `None` for any other text.
fn place(source: &str, part: &str) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
    let range = start..start.checked_add(part.len())?;
    (range.end <= source.len()).then_some(range)
}

impl From<String> for SharedText {
    fn from(text: String) -> Self {
        let range = 0..text.len();
        Self { source: Rc::new(text), range }
    }
}

impl Deref for SharedText {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.source.get(self.range.clone()).unwrap_or_default()
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Serialize for SharedText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::rc::Rc;

    use super::SharedText;

    #[test]
    fn a_part_is_not_copied_and_other_texts_are_kept() {
        let source = Rc::new("Zoë from Köln".to_owned());
        for range in [0..0, 0..4, 5..9, 10..15, 0..15, 15..15] {
            let part = SharedText::of(&source, Cow::Borrowed(&source[range.clone()]));
            assert_eq!(*part, source[range]);
            assert!(Rc::ptr_eq(&part.source, &source));
        }
        let longer = format!("{source} to Bonn");
        for text in [&longer, &longer[..4], ""] {
            for text in [Cow::Borrowed(text), Cow::Owned(text.to_owned())] {
                let other = SharedText::of(&source, text.clone());
                assert_eq!(*other, *text);
                assert!(!Rc::ptr_eq(&other.source, &source));
            }
        }
    }
}
