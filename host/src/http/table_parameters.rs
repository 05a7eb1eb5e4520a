//! The parameters of a table that a client gets: `excel` and `delimiter`.

use super::problem::Problem;
use crate::export::TableStyle;
use crate::import::delimiter;

/// Takes a parameter if it is one of a table. Returns whether it is one. One without a value is as if it were not there.
///
/// # Errors
/// 400 if the value is none of the parameter's.
pub(super) fn add(style: &mut TableStyle, name: &str, value: &str) -> Result<bool, Problem> {
    match (name, value) {
        ("excel" | "delimiter", "") | ("excel", "0") => {}
        ("excel", "1") => style.excel = true,
        ("excel", _) => return Err(Problem::bad_request(format!("'excel' must be 0 or 1, not '{value}'."))),
        ("delimiter", _) => {
            let sign = delimiter(value).ok_or_else(|| {
                Problem::bad_request(format!(
                    "'delimiter' must be one sign such as , ; or |, or one of comma, semicolon, tab and pipe, not '{value}'."
                ))
            })?;
            style.delimiter = Some(char::from(sign));
        }
        _ => return Ok(false),
    }
    Ok(true)
}
