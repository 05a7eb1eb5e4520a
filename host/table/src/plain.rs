//! What is wrong with a table, in plain words: what the parser says is for programmers.

use serde_json::error::Category;

/// What the parser calls the kinds of values, and what they are called here. A longer name comes before its beginning.
const KINDS: [(&str, &str); 18] = [
    ("a sequence", "a list"),
    ("sequence", "a list"),
    ("a map", "an object"),
    ("map", "an object"),
    ("struct ", "an object"),
    ("string or map", "a text"),
    ("a string", "a text"),
    ("string", "a text"),
    ("variant identifier", "a text"),
    ("boolean", "true or false"),
    ("a boolean", "true or false"),
    ("integer", "a number"),
    ("floating point", "a number"),
    ("number", "a number"),
    ("null", "null"),
    ("unit", "null"),
    ("u", "a whole number"),
    ("i", "a whole number"),
];

/// Says what is wrong with a value, as the end of a sentence without a full stop.
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let place = match (error.line(), error.column()) {
        (0, _) => String::new(),
        (line, 0) => format!(" at line {line}"),
        (line, column) => format!(" at line {line} column {column}"),
    };
    match error.classify() {
        Category::Eof => format!("the text ends too early{place}"),
        Category::Syntax | Category::Io => format!("this is not JSON{place}"),
        Category::Data => {
            let said = error.to_string();
            // The path says where.
            let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
            of_value(said)
        }
    }
}

fn of_value(said: &str) -> String {
    let quoted = |rest: &str| rest.split('`').next().unwrap_or_default().to_owned();
    if let Some(rest) = said.strip_prefix("missing field `") {
        return format!("there must be a member '{}'", quoted(rest));
    }
    if let Some(rest) = said.strip_prefix("duplicate field `") {
        return format!("the member '{}' is given twice", quoted(rest));
    }
    if let Some(rest) = said.strip_prefix("unknown field `") {
        return format!("there is no member '{}'; those that there are: {}", quoted(rest), expected(rest));
    }
    if let Some(rest) = said.strip_prefix("unknown variant `") {
        return format!("this must be one of {}, not '{}'", expected(rest), quoted(rest));
    }
    let kinds = said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    match kinds.and_then(|kinds| kinds.rsplit_once(", expected ")) {
        Some((found, wanted)) => format!("this must be {}, not {}", kind(wanted), kind(found)),
        // A text of this crate.
        None => said.to_owned(),
    }
}

/// Returns the names behind `expected`, which the parser writes in back quotes.
fn expected(rest: &str) -> String {
    let names = rest.split_once(", expected ").map_or("", |(_, names)| names);
    names.split('`').skip(1).step_by(2).collect::<Vec<_>>().join(", ")
}

fn kind(name: &str) -> &str {
    KINDS.iter().find(|(theirs, _)| name.starts_with(theirs)).map_or(name, |(_, ours)| ours)
}
