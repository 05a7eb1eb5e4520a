//! A validator's objections, and the check of its replies.

use bulkhead_bounds::MAX_ALIAS_BYTES;

use super::error_text::of_limit;
use super::limits::Limits;
use super::remarks::check_code;
use crate::plain_words::grouped;

/// A validator's objection to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The item's place among those that were checked, from 0.
    pub index: u32,
    /// The aliases of the fields that the objection is about, at least one.
    pub fields: Vec<String>,
    /// What is wrong, for programs.
    pub code: String,
    /// One sentence for the client.
    pub message: String,
}

/// Checks a reply to `check` about `count` items. An objection counts once for each of its fields.
pub(super) fn check_objections(count: usize, objections: &[Objection], limits: &Limits) -> Result<(), String> {
    let mut per_item = vec![0; count];
    for Objection { index, fields, code, message } in objections {
        let number: &mut usize = per_item.get_mut(*index as usize).ok_or_else(|| no_such_item(*index, count))?;
        *number += fields.len();
        if fields.is_empty() {
            return Err(format!("check: item {index}: an objection to no field"));
        }
        if *number > limits.objections {
            return Err(format!("check: item {index}: {}", of_limit(*number, limits.objections, "objections")));
        }
        check_code(code).map_err(|why| format!("check: item {index}: {why}"))?;
        let sizes = [
            ("message", message.len(), limits.objection_bytes),
            ("field's name", fields.iter().map(String::len).max().unwrap_or(0), MAX_ALIAS_BYTES),
        ];
        if let Some((what, size, limit)) = sizes.into_iter().find(|(_, size, limit)| size > limit) {
            return Err(format!("check: item {index}: the {what} has {}", of_limit(size, limit, "bytes")));
        }
    }
    Ok(())
}

/// Says that an objection is to an item that was not checked.
fn no_such_item(index: u32, count: usize) -> String {
    // A language may turn a negative number into a large one.
    let negative = match index.cast_signed() {
        signed @ ..0 => format!(" (or {signed}, without its sign)"),
        _ => String::new(),
    };
    let last = grouped(count.saturating_sub(1));
    format!("check: an objection has the index {index}{negative}; the items of this call have the indexes 0 to {last}")
}

#[cfg(test)]
mod tests {
    use super::{Objection, check_objections};
    use crate::sandbox::limits::Limits;
    use crate::tenants::TenantLimits;

    #[test]
    fn a_reply_that_breaks_a_rule_is_refused_with_the_bound() {
        let limits = Limits::from(&TenantLimits::default());
        let objection = |index, field: &str, bytes| Objection {
            index,
            fields: vec![field.to_owned()],
            code: String::from("invalid"),
            message: "x".repeat(bytes),
        };
        let good = objection(1, "email", 1_000);
        let no_field = Objection { fields: Vec::new(), ..good.clone() };
        for (reply, expected) in [
            (vec![good.clone(); 16], Ok(())),
            (vec![good.clone(); 17], Err("check: item 1: 17 of 16 objections")),
            (vec![no_field], Err("check: item 1: an objection to no field")),
            (vec![objection(1, "email", 1_001)], Err("check: item 1: the message has 1,001 of 1,000 bytes")),
            (
                vec![objection(0, &"f".repeat(1_500), 1)],
                Err("check: item 0: the field's name has 1,500 of 1,024 bytes"),
            ),
            (
                vec![objection(2, "email", 1)],
                Err("check: an objection has the index 2; the items of this call have the indexes 0 to 1"),
            ),
            (
                vec![objection(u32::MAX, "email", 1)],
                Err(
                    "check: an objection has the index 4294967295 (or -1, without its sign); the items of this call have the indexes 0 to 1",
                ),
            ),
        ] {
            assert_eq!(check_objections(2, &reply, &limits), expected.map_err(str::to_owned));
        }
    }
}
