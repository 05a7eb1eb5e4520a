//! Form bodies as PHP reads them: `0[email]=a%40b.co&0[tags][]=x` is a list of one contact with a list of one tag.

use serde_json::{Map, Value};

use super::problem::Problem;
use crate::store::Batch;

/// Brackets after one name.
const DEPTH: usize = 16;

/// The items of a form body, under the caller's keys. Of more than `max`, `max` + 1 are returned.
///
/// # Errors
/// 400 if a name is nested too deeply.
pub(super) fn split(body: &[u8], max: usize) -> Result<Batch, Problem> {
    let root = read(body, max)?;
    let mut batch = Batch { items: Vec::with_capacity(root.len()), keys: Some(Vec::with_capacity(root.len())) };
    for (key, value) in root {
        batch.items.push(as_list_or_object(value).to_string());
        batch.keys.get_or_insert_default().push(key);
    }
    Ok(batch)
}

/// A form body that is one item.
///
/// # Errors
/// As [`split`].
pub(super) fn whole(body: &[u8]) -> Result<String, Problem> {
    let root = read(body, usize::MAX)?;
    let members = root.into_iter().map(|(name, value)| (name, as_list_or_object(value)));
    Ok(Value::Object(members.collect()).to_string())
}

/// The tree that the names spell, of `max` + 1 members at most.
fn read(body: &[u8], max: usize) -> Result<Map<String, Value>, Problem> {
    let mut root = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let path = path(&name)?;
        let known = path.first().is_some_and(|key| root.contains_key(*key));
        if known || root.len() <= max {
            insert(&mut root, &path, Value::String(value.into_owned()));
        }
    }
    Ok(root)
}

/// `0[tags][]` is `0`, `tags` and an empty part, which stands for the next number. What is not closed belongs to the
/// name.
fn path(name: &str) -> Result<Vec<&str>, Problem> {
    let Some((first, mut rest)) = name.split_once('[') else { return Ok(vec![name]) };
    let mut path = vec![first];
    while let Some((part, after)) = rest.split_once(']') {
        path.push(part);
        if path.len() > DEPTH {
            return Err(Problem::bad_request(format!(
                "The form's field '{first}[…' is nested more than {DEPTH} deep."
            )));
        }
        match after.strip_prefix('[') {
            Some(next) => rest = next,
            None => return Ok(path),
        }
    }
    if path.len() == 1 { Ok(vec![name]) } else { Ok(path) }
}

fn insert(map: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    let key = if key.is_empty() { next_number(map) } else { (*key).to_owned() };
    if rest.is_empty() {
        map.insert(key, value);
        return;
    }
    let child = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    // A later array takes the place of an earlier text, as in PHP.
    if !child.is_object() {
        *child = Value::Object(Map::new());
    }
    if let Value::Object(child) = child {
        insert(child, rest, value);
    }
}

fn next_number(map: &Map<String, Value>) -> String {
    let mut number = map.len();
    while map.contains_key(&number.to_string()) {
        number += 1;
    }
    number.to_string()
}

/// PHP's arrays are lists when their keys are 0, 1, 2, … in order.
fn as_list_or_object(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let is_list = !map.is_empty() && map.keys().enumerate().all(|(index, key)| *key == index.to_string());
    let children = map.into_iter().map(|(key, child)| (key, as_list_or_object(child)));
    if is_list { Value::Array(children.map(|(_, child)| child).collect()) } else { Value::Object(children.collect()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::split;

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
        ] {
            let batch = split(body.as_bytes(), 100).unwrap();
            assert_eq!(batch.items, items, "{body}");
            assert_eq!(batch.keys.unwrap(), keys, "{body}");
        }
    }

    #[test]
    fn depth_is_limited() {
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
