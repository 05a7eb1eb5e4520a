//! Reads form bodies as PHP does: `0[email]=a%40b.co&0[tags][]=x` is a list of one contact with a list of one tag.

use std::borrow::Cow;

use indexmap::IndexMap;
use percent_encoding::percent_decode;
use serde::{Serialize, Serializer};

use super::problem::Problem;
use crate::domain::ItemList;

/// Parts of one name: how deep values can be nested.
const MAX_DEPTH: usize = 16;
/// Values and arrays of one form: at least 40 for each of 10,000 contacts. A bound is needed because a few bytes of a name can
/// create many arrays.
const MAX_NODES: usize = 500_000;

/// A field of a form: its name and its value, or why it cannot be read.
type Field = Result<(String, String), Problem>;

/// Reads the fields of a body that is `application/x-www-form-urlencoded`, in order.
pub(super) fn fields(body: &[u8]) -> impl Iterator<Item = Field> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).enumerate();
    pairs.map(|(number, pair)| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        Ok((decoded(name, number)?, decoded(value, number)?))
    })
}

/// Splits the fields of a form into items, under the client's keys. Of more than `max` items, `max` + 1 are returned.
///
/// # Errors
/// 400 if a name is nested too deeply, a name or value is not UTF-8, there are too many values, or a key has several items, of
/// which PHP would keep the last.
pub(super) fn split(fields: impl Iterator<Item = Field>, max: usize) -> Result<ItemList, Problem> {
    let root = read(fields, max, true)?;
    let mut batch =
        ItemList { items: Vec::with_capacity(root.entries.len()), keys: Some(Vec::with_capacity(root.entries.len())) };
    for (key, node) in root.entries {
        batch.items.push(as_json(&node)?);
        batch.keys.get_or_insert_default().push(key);
    }
    Ok(batch)
}

/// Reads the fields of a form that is one item, and returns the item as JSON. Of several values of a field the last one counts, as
/// in JSON: a form has a hidden field before a check box for when the box is not checked.
///
/// # Errors
/// 400 if a name is nested too deeply, a name or value is not UTF-8, or there are too many values.
pub(super) fn whole(fields: impl Iterator<Item = Field>) -> Result<String, Problem> {
    let mut root = read(fields, usize::MAX, false)?;
    root.is_object = true;
    as_json(&Node::Array(root))
}

/// An array of PHP, whose keys are texts or numbers.
#[derive(Default)]
struct Array {
    entries: IndexMap<String, Node>,
    /// The key of the next entry without one: one more than the largest number so far.
    next: u64,
    /// Whether this becomes a JSON object even if its keys are 0, 1, 2, … in order, or there are none.
    is_object: bool,
}

enum Node {
    Text(String),
    Array(Array),
}

/// Builds the tree that the names describe, with at most `max` + 1 members at the top. If these are items, none of them may take
/// the place of another.
fn read(fields: impl Iterator<Item = Field>, max: usize, are_items: bool) -> Result<Array, Problem> {
    let mut root = Array::default();
    let mut nodes = MAX_NODES;
    for field in fields {
        let (name, value) = field?;
        let path = path(&name)?;
        let earlier = path.first().and_then(|key| root.entries.get_key_value(*key));
        if let Some((key, item)) = earlier.filter(|_| are_items)
            && (path.len() == 1 || matches!(item, Node::Text(_)))
        {
            return Err(Problem::repeated_key(key));
        }
        if earlier.is_some() || root.entries.len() <= max {
            root.insert(&path, value, &mut nodes)?;
        }
    }
    Ok(root)
}

fn decoded(bytes: &[u8], number: usize) -> Result<String, Problem> {
    let spaced: Cow<'_, [u8]> = if bytes.contains(&b'+') {
        bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<u8>>().into()
    } else {
        bytes.into()
    };
    let text = percent_decode(&spaced).decode_utf8();
    text.map(Cow::into_owned)
        .map_err(|_| Problem::bad_request(format!("The form's field number {} is not UTF-8.", number + 1)))
}

/// Splits a name into its parts. `0[tags][]` is `0`, `tags` and an empty part, which stands for the next number. A bracket
/// that is not closed belongs to the name.
fn path(name: &str) -> Result<Vec<&str>, Problem> {
    // A byte order mark before the form belongs to no name.
    let name = name.trim_start_matches('\u{feff}');
    let Some((first, mut rest)) = name.split_once('[') else { return Ok(vec![name]) };
    let mut path = vec![first];
    while let Some((part, after)) = rest.split_once(']') {
        path.push(part);
        if path.len() > MAX_DEPTH {
            return Err(Problem::bad_request(format!(
                "The form's field '{first}[…' is nested more than {MAX_DEPTH} deep."
            )));
        }
        match after.strip_prefix('[') {
            Some(next) => rest = next,
            None => return Ok(path),
        }
    }
    if path.len() == 1 { Ok(vec![name]) } else { Ok(path) }
}

impl Array {
    fn insert(&mut self, path: &[&str], value: String, nodes: &mut usize) -> Result<(), Problem> {
        let Some((key, rest)) = path.split_first() else { return Ok(()) };
        let key = if key.is_empty() { self.next.to_string() } else { (*key).to_owned() };
        if let Some(number) = key.parse::<u64>().ok().filter(|number| number.to_string() == key) {
            self.next = self.next.max(number.saturating_add(1));
        }
        if !self.entries.contains_key(&key) {
            *nodes = nodes.checked_sub(1).ok_or_else(|| {
                Problem::bad_request(format!("The form has more than {MAX_NODES} values. Send it in several requests."))
            })?;
        }
        if rest.is_empty() {
            self.entries.insert(key, Node::Text(value));
            return Ok(());
        }
        let child = self.entries.entry(key).or_insert_with(|| Node::Array(Self::default()));
        // A later array replaces an earlier text, as in PHP.
        if matches!(child, Node::Text(_)) {
            *child = Node::Array(Self::default());
        }
        match child {
            Node::Array(child) => child.insert(rest, value, nodes),
            Node::Text(_) => Ok(()),
        }
    }

    /// Returns whether the keys are 0, 1, 2, … in order, which makes an array of PHP a list.
    fn is_list(&self) -> bool {
        let in_order = || self.entries.keys().enumerate().all(|(place, key)| *key == place.to_string());
        !self.is_object && !self.entries.is_empty() && in_order()
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Array(array) if array.is_list() => serializer.collect_seq(array.entries.values()),
            Self::Array(array) => serializer.collect_map(&array.entries),
        }
    }
}

fn as_json(node: &Node) -> Result<String, Problem> {
    serde_json::to_string(node).map_err(|error| Problem::panicked(&error))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fields;
    use crate::domain::ItemList;
    use crate::http::problem::Problem;

    fn split(body: &[u8], max: usize) -> Result<ItemList, Problem> {
        super::split(fields(body), max)
    }

    #[test]
    fn forms_are_read_as_php_reads_them() {
        for (body, items, keys) in [
            ("", &[] as &[&str], &[] as &[&str]),
            ("0[email]=a%40b.co&0[points]=5", &[r#"{"email":"a@b.co","points":"5"}"#], &["0"]),
            ("0[tags][]=x&0[tags][]=y&1[a]=+", &[r#"{"tags":["x","y"]}"#, r#"{"a":" "}"#], &["0", "1"]),
            ("9[a]=1&5[a]=2&9[b]=3", &[r#"{"a":"1","b":"3"}"#, r#"{"a":"2"}"#], &["9", "5"]),
            ("0[d][0][channel]=email", &[r#"{"d":[{"channel":"email"}]}"#], &["0"]),
            ("0[d][1]=x", &[r#"{"d":{"1":"x"}}"#], &["0"]),
            ("email=x", &[r#""x""#], &["email"]),
            ("[a=1", &["\"1\""], &["[a"]),
            ("0[a]=1&0[a][b]=2", &[r#"{"a":{"b":"2"}}"#], &["0"]),
            ("0[a]=1&1[a]=2&0[a]=3", &[r#"{"a":"3"}"#, r#"{"a":"2"}"#], &["0", "1"]),
            ("0[t][5]=a&0[t][]=b", &[r#"{"t":{"5":"a","6":"b"}}"#], &["0"]),
            ("5[]=a&[]=b&x", &[r#"["a"]"#, r#"["b"]"#, "\"\""], &["5", "6", "x"]),
            ("&&a=%C3%BC+b", &["\"ü b\""], &["a"]),
            ("0[t][0]=a&0[t][2]=b", &[r#"{"t":{"0":"a","2":"b"}}"#], &["0"]),
            ("\u{feff}0[a]=1&0[b]=2", &[r#"{"a":"1","b":"2"}"#], &["0"]),
            ("%EF%BB%BF0[a]=1&0[b]=2", &[r#"{"a":"1","b":"2"}"#], &["0"]),
        ] {
            let batch = split(body.as_bytes(), 100).unwrap();
            assert_eq!(batch.items, items, "{body}");
            assert_eq!(batch.keys.unwrap(), keys, "{body}");
        }
    }

    #[test]
    fn an_item_that_would_take_the_place_of_another_is_refused_by_its_key() {
        for body in ["a=1&a=2", "a[x]=1&a=2", "a=1&a[x]=2", "b[x]=1&%61=1&a=1", "a=1&\u{feff}a=1"] {
            let problem = split(body.as_bytes(), 100).unwrap_err();
            assert!(problem.message().contains("'a'"), "{body}: {}", problem.message());
        }
    }

    #[test]
    fn invalid_text_and_too_many_values_are_refused() {
        let refused = |body: &[u8]| format!("{:?}", split(body, 10_000).unwrap_err());
        assert!(refused(b"0[a]=b&0[firstname]=M%FCller").contains("field number 2 is not UTF-8"));
        assert!(refused(b"0[\xff]=b").contains("field number 1"));
        let arrays: String = (0..60_000).map(|n| format!("0[{n}][][][][][][][][][][][][][]=&")).collect();
        assert!(refused(arrays.as_bytes()).contains("more than 500000 values"));
        // Numbers that are taken are not looked for one by one.
        let mut numbers: String = (100_000..200_000).map(|n| format!("0[{n}]=&")).collect();
        numbers.push_str(&"0[]=&".repeat(100_000));
        assert_eq!(split(numbers.as_bytes(), 10).unwrap().items.len(), 1);
    }

    #[test]
    fn names_nested_too_deeply_are_refused() {
        assert!(split(format!("0{}=1", "[a]".repeat(100)).as_bytes(), 100).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(body: Vec<u8>) {
            drop(split(&body, 10));
        }

        #[test]
        fn keys_and_items_go_together(body in "([0-9a-c\\[\\]=&%]){0,60}") {
            if let Ok(batch) = split(body.as_bytes(), 100) {
                prop_assert_eq!(batch.items.len(), batch.keys.map_or(0, |keys| keys.len()));
            }
        }
    }
}
