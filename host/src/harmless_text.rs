//! What makes a text of others harmless: guests, clients, files and servers choose names and messages, and characters in them could
//! control a terminal, hide something or forge a line.

/// Returns whether a terminal would obey a character, or show nothing for it: control characters, marks that change the writing
/// direction, and characters without width or without ink. A tab is harmless.
pub fn is_unprintable(letter: char) -> bool {
    match letter {
        '\t' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        // U+FE0F makes emojis colourful, and is common.
        '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' => true,
        '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}' => true,
        // Letters of Hangul and Braille that have a width and no ink.
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => true,
        _ => letter.is_control(),
    }
}

/// Makes one line of a text, with `�` for each tab and each unprintable character, and `…` for what is beyond `max_chars` characters.
pub fn one_line(text: &str, max_chars: usize) -> String {
    let is_unfit = |letter: char| letter == '\t' || is_unprintable(letter);
    let mut letters = text.chars();
    let mut line: String = letters
        .by_ref()
        .take(max_chars)
        .map(|letter| if is_unfit(letter) { char::REPLACEMENT_CHARACTER } else { letter })
        .collect();
    if letters.next().is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{is_unprintable, one_line};

    #[test]
    fn what_is_not_seen_is_unprintable() {
        for (letters, expected) in [
            ("aä日\t \u{a0}\u{3000}\u{fffd}…🙂\u{fe0f}", false),
            ("\0\u{7}\n\r\u{1b}\u{7f}\u{9b}\u{ad}\u{200b}\u{202e}\u{2066}\u{feff}\u{e0041}", true),
            ("\u{115f}\u{1160}\u{2800}\u{3164}\u{ffa0}", true),
        ] {
            for letter in letters.chars() {
                assert_eq!(is_unprintable(letter), expected, "{letter:?}");
            }
        }
    }

    #[test]
    fn a_text_becomes_one_line_and_says_that_it_is_cut() {
        for (text, max_chars, expected) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc…"),
            ("äöü", 3, "äöü"),
            ("日本語", 2, "日本…"),
            ("a\n\0", 3, "a\u{fffd}\u{fffd}"),
            // What replaces a character is longer in bytes.
            ("a\n\n\n\n", 3, "a\u{fffd}\u{fffd}…"),
            ("a\u{1b}[2Jb\n\u{202e}c\td", 20, "a\u{fffd}[2Jb\u{fffd}\u{fffd}c\u{fffd}d"),
            ("", 0, ""),
            ("a", 0, "…"),
        ] {
            assert_eq!(one_line(text, max_chars), expected, "{text:?} {max_chars}");
        }
    }
}
