//! Scripts: bytes that are read as batches of items. People can write them, too:
//!
//! ```text
//! POST
//! {"email":"ada@example.com"}
//! PATCH
//! {"id":1,"firstname":"Ada"}
//! !0 firstname A validator objects to the item before.
//! ```
//!
//! A line that is a method starts a batch, one that starts with `!` is a validator's objection, any other is an item. The
//! byte 1 stands for [`LONG_TEXT_WORDS`] words with commas between them, so that few bytes can be long texts and long lists.

use bulkhead_rules::{Objection, Operation};

/// Lines of a script that are read.
const MAX_LINES: usize = 64;
/// Bytes 1 of a script that stand for words; any further ones stand for nothing.
const MAX_LONG_TEXTS: usize = 64;
/// Words that the byte 1 stands for.
const LONG_TEXT_WORDS: usize = 1_000;

/// A sequence of batches.
#[derive(Debug, Default)]
pub struct Script {
    /// The batches, in order.
    pub batches: Vec<Batch>,
}

/// Items that are decided together.
#[derive(Debug)]
pub struct Batch {
    /// What is done with the items.
    pub operation: Operation,
    /// Any texts; most are not JSON.
    pub items: Vec<String>,
    /// The objections of a validator to the items.
    pub objections: Vec<Objection>,
}

impl Batch {
    fn new(operation: Operation) -> Self {
        Self { operation, items: Vec::new(), objections: Vec::new() }
    }
}

impl Script {
    /// Reads a script. Any bytes are one, of at least one batch.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = with_long_texts(&text);
        let mut script = Self { batches: vec![Batch::new(Operation::Create)] };
        for line in text.split('\n').take(MAX_LINES) {
            match (line, script.batches.last_mut()) {
                ("POST", _) => script.batches.push(Batch::new(Operation::Create)),
                ("PUT", _) => script.batches.push(Batch::new(Operation::Replace)),
                ("PATCH", _) => script.batches.push(Batch::new(Operation::Update)),
                (line, Some(batch)) => match line.strip_prefix('!').and_then(objection) {
                    Some(objection) => batch.objections.push(objection),
                    None => batch.items.push(line.to_owned()),
                },
                (_, None) => {}
            }
        }
        script
    }
}

fn with_long_texts(text: &str) -> String {
    let mut parts = text.split('\u{1}');
    let mut long = parts.next().unwrap_or_default().to_owned();
    for (place, part) in parts.enumerate() {
        if place < MAX_LONG_TEXTS {
            let words: Vec<String> = (0..LONG_TEXT_WORDS).map(|number| format!("é{place}{number}")).collect();
            long.push_str(&words.join(","));
        }
        long.push_str(part);
    }
    long
}

/// Parses `INDEX FIELD MESSAGE`.
fn objection(text: &str) -> Option<Objection> {
    let (index, text) = text.split_once(' ')?;
    let (field, message) = text.split_once(' ')?;
    // The host passes no longer one on.
    let message = message.chars().take(250).collect();
    Some(Objection { index: index.parse().ok()?, field: field.to_owned(), code: String::from("objected"), message })
}
