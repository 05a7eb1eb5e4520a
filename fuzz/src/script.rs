//! Bytes as batches of items, in a form that people can write too:
//!
//! ```text
//! POST
//! {"email":"ada@example.com"}
//! PATCH
//! {"id":1,"firstname":"Ada"}
//! !0 firstname Somebody objects to the item before.
//! ```
//!
//! A line that is a method starts a batch, one that starts with `!` is a validator's objection, any other is an item. The
//! byte 1 stands for [`LONG`] words with commas between them, so that few bytes can be long texts and long lists.

use bulkhead_rules::{Objection, Operation};

/// Most items of a script.
const ITEMS: usize = 64;
/// Most bytes 1 that stand for words.
const LONG_TEXTS: usize = 64;
/// How many words the byte 1 stands for.
const LONG: usize = 1_000;

/// Batches, one after the other.
#[derive(Debug, Default)]
pub struct Script {
    /// In order.
    pub batches: Vec<Batch>,
}

/// Items that are decided together.
#[derive(Debug)]
pub struct Batch {
    /// What is done with them.
    pub operation: Operation,
    /// Any texts, mostly no JSON.
    pub items: Vec<String>,
    /// What a validator says about them.
    pub objections: Vec<Objection>,
}

impl Batch {
    fn new(operation: Operation) -> Self {
        Self { operation, items: Vec::new(), objections: Vec::new() }
    }
}

impl Script {
    /// The batches in `bytes`; there are some in any.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let text = with_long_texts(&text);
        let mut script = Self { batches: vec![Batch::new(Operation::Create)] };
        for line in text.split('\n').take(ITEMS) {
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
        if place < LONG_TEXTS {
            let words: Vec<String> = (0..LONG).map(|number| format!("é{place}{number}")).collect();
            long.push_str(&words.join(","));
        }
        long.push_str(part);
    }
    long
}

/// `INDEX FIELD MESSAGE`.
fn objection(text: &str) -> Option<Objection> {
    let (index, text) = text.split_once(' ')?;
    let (field, message) = text.split_once(' ')?;
    // A longer one does not pass the host.
    let message = message.chars().take(250).collect();
    Some(Objection { index: index.parse().ok()?, field: field.to_owned(), message })
}
