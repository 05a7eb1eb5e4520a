//! A validator's objections, and the check of its replies.

use bulkhead_bounds::MAX_ALIAS_BYTES;

use super::limits::Limits;

/// A validator's objection to one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The item's place among those that were checked, from 0.
    pub index: u32,
    /// The aliases of the fields that the objection is about, at least one.
    pub fields: Vec<String>,
    /// One sentence for the client.
    pub message: String,
}

/// Checks a reply to `check` about `count` items. An objection counts once for each of its fields.
pub(super) fn check_objections(count: usize, objections: &[Objection], limits: &Limits) -> Result<(), String> {
    let mut per_item = vec![0; count];
    for Objection { index, fields, message } in objections {
        let number: &mut usize =
            per_item.get_mut(*index as usize).ok_or_else(|| format!("check: item {index}, of {count}"))?;
        *number += fields.len();
        if fields.is_empty() {
            return Err(format!("check: item {index}: an objection to no field"));
        }
        if *number > limits.objections {
            return Err(format!("check: item {index}: more than {} objections", limits.objections));
        }
        let alias = fields.iter().map(String::len).max().unwrap_or(0);
        if message.len() > limits.objection_bytes || alias > MAX_ALIAS_BYTES {
            return Err(format!("check: item {index}: {alias} bytes of field and {} of message", message.len()));
        }
    }
    Ok(())
}
