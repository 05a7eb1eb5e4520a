//! The lines of a file, by which people find a contact in it.

/// Where the lines of a text begin.
#[derive(Debug)]
pub(super) struct LineIndex<'a> {
    text: &'a str,
    /// The place of the first byte of each line.
    begins: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    /// Finds the lines of a table, which end with CR, LF or both.
    pub(super) fn of_table(text: &'a str) -> Self {
        Self::of(text, true)
    }

    /// Finds the lines of JSON lines, which end with LF: a CR is white space there.
    pub(super) fn of_json_lines(text: &'a str) -> Self {
        Self::of(text, false)
    }

    fn of(text: &'a str, ends_with_cr: bool) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(place, byte)| match byte {
            b'\n' => true,
            b'\r' => ends_with_cr && bytes.get(place + 1) != Some(&b'\n'),
            _ => false,
        });
        let begins = std::iter::once(0).chain(ends.map(|(place, _)| place + 1)).collect();
        Self { text, begins }
    }

    /// Returns the line in which a part of the text begins, from 1. What is no part of the text is in no line.
    pub(super) fn line_of(&self, part: &str) -> Option<usize> {
        let place = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr())?;
        (place < self.text.len()).then(|| self.begins.partition_point(|begin| *begin <= place))
    }
}

#[cfg(test)]
mod tests {
    use super::LineIndex;

    #[test]
    fn a_part_is_in_the_line_in_which_it_begins() {
        let text = "a\r\nb\rc\n\n\"d\ne\"";
        let (table, json) = (LineIndex::of_table(text), LineIndex::of_json_lines(text));
        for (letter, in_table, in_json) in
            [("a", 1, 1), ("b", 2, 2), ("c", 3, 2), ("\"", 5, 4), ("d", 5, 4), ("e", 6, 5)]
        {
            let part = text.find(letter).and_then(|place| text.get(place..)).unwrap();
            assert_eq!((table.line_of(part), json.line_of(part)), (Some(in_table), Some(in_json)), "{letter}");
        }
        assert_eq!(table.line_of("elsewhere"), None);
        assert_eq!(LineIndex::of_table("").line_of(""), None);
    }
}
