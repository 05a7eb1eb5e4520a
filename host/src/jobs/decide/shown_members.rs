//! The members of a contact as a processor shows it, read in one pass: a shown contact has some kilobytes, most of them about fields.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The member with a contact's fields.
const FIELDS: &str = "fields";

/// A member's name and value.
pub(super) type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// Returns the members of a JSON object in order, and behind them, in place of its fields, the fields' values by alias. Returns
/// `None` if the text is no JSON object. Fields in another form stay a member.
pub(super) fn shown_members(object: &str) -> Option<Vec<Member<'_>>> {
    if let Ok(ShownContact { mut members, values }) = serde_json::from_str(object) {
        members.extend(values);
        return Some(members);
    }
    let members: Members<'_> = serde_json::from_str(object).ok()?;
    Some(members.0)
}

/// A contact with fields of the usual form, or with none.
struct ShownContact<'a> {
    members: Vec<Member<'a>>,
    values: Vec<Member<'a>>,
}

/// The fields of a contact, with their values by alias. What else there is about fields is passed over.
#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    all: Members<'a>,
}

/// All members of an object.
struct Members<'a>(Vec<Member<'a>>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for ShownContact<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = ShownContact<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a contact")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut contact = ShownContact { members: Vec::new(), values: Vec::new() };
                while let Some(Name(name)) = map.next_key()? {
                    if name == FIELDS {
                        contact.values = map.next_value::<Fields<'de>>()?.all.0;
                    } else {
                        contact.members.push((name, map.next_value()?));
                    }
                }
                Ok(contact)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::shown_members;

    #[test]
    fn the_values_of_fields_stand_among_the_members() {
        for (object, expected) in [
            (r#"{"a":1,"b":"x"}"#, Some(vec![("a", "1"), ("b", "\"x\"")])),
            (
                r#"{"fields":{"core":{"x":{"value":"1"}},"all":{"x":"1","y\n":[2]}},"p":1}"#,
                Some(vec![("p", "1"), ("x", "\"1\""), ("y\n", "[2]")]),
            ),
            (r#"{"fields":[1]}"#, Some(vec![("fields", "[1]")])),
            (r#"{"fields":{"core":{}},"a":1}"#, Some(vec![("fields", r#"{"core":{}}"#), ("a", "1")])),
            (r#"{"fields":{"all":7}}"#, Some(vec![("fields", r#"{"all":7}"#)])),
            ("{}", Some(Vec::new())),
            ("[]", None),
            ("7", None),
            (r#"{"a":"#, None),
        ] {
            let members = shown_members(object);
            let members =
                members.as_ref().map(|all| all.iter().map(|(name, value)| (name.as_ref(), value.get())).collect());
            assert_eq!(members, expected, "{object}");
        }
    }
}
