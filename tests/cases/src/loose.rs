//! The comparisons that the cases use.

use serde_json::Value;

/// Returns whether two values are equal, where `1`, `1.0`, `"1"` and `true` are equal.
pub(crate) fn eq(one: &Value, other: &Value) -> bool {
    one == other
        || match (number(one), number(other)) {
            (Some(one), Some(other)) => one == other,
            _ => false,
        }
}

/// Returns whether two values are equal as in [`eq`], where a missing value, `null` and a blank text are equal.
pub(crate) fn eq_or_blank(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one.filter(|value| !is_blank(value)), other.filter(|value| !is_blank(value))) {
        (None, None) => true,
        (Some(one), Some(other)) => eq(one, other),
        _ => false,
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Returns whether PHP's `empty` holds for the value.
pub(crate) fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Bool(true)) => false,
        Some(Value::Number(number)) => number.as_f64() == Some(0.0),
        Some(Value::String(text)) => matches!(text.as_str(), "" | "0"),
        Some(Value::Array(values)) => values.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
    }
}

/// Returns the number that a number, a text or a boolean stands for.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{eq, eq_or_blank, is_empty};

    #[test]
    fn values_are_compared_as_in_php() {
        for (one, other) in
            [(json!(1), json!("1")), (json!(2), json!(2.0)), (json!(true), json!(1)), (json!("a"), json!("a"))]
        {
            assert!(eq(&one, &other) && eq_or_blank(Some(&one), Some(&other)), "{one} {other}");
        }
        for (one, other) in [(json!(1), json!("x")), (json!(null), json!(0)), (json!(""), json!(false))] {
            assert!(!eq(&one, &other) && !eq_or_blank(Some(&one), Some(&other)), "{one} {other}");
        }
        assert!(eq_or_blank(None, Some(&json!(""))) && eq_or_blank(Some(&Value::Null), Some(&json!("  "))));
        assert!([json!([]), json!({}), json!("0"), json!(0)].iter().all(|value| is_empty(Some(value))));
    }
}
