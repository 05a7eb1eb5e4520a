//! Reads environment variables, arguments and standard input: `{"attempt": true}`. All of them are linked, and are empty.

use std::io::Read as _;

use bulkhead_guest_forbidden::{Attempt, describe, validator};
use serde_json::Value;

struct Environment;

impl Attempt for Environment {
    fn attempt(_: &Value) -> String {
        let mut input = Vec::new();
        let read = describe(std::io::stdin().take(1 << 10).read_to_end(&mut input));
        format!(
            "variables: {:?}, arguments: {:?}, input: {read}",
            std::env::vars_os().collect::<Vec<_>>(),
            std::env::args_os().collect::<Vec<_>>(),
        )
    }
}

validator!(Environment);
