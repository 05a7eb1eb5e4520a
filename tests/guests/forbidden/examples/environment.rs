//! Asks for variables, arguments and input: `{"attempt": true}`. All are linked, and empty.

use std::io::Read as _;

use bulkhead_guest_forbidden::{Reach, said, validator};
use serde_json::Value;

struct Environment;

impl Reach for Environment {
    fn reach(_: &Value) -> String {
        let mut input = Vec::new();
        let read = said(std::io::stdin().take(1 << 10).read_to_end(&mut input));
        format!(
            "variables: {:?}, arguments: {:?}, input: {read}",
            std::env::vars_os().collect::<Vec<_>>(),
            std::env::args_os().collect::<Vec<_>>(),
        )
    }
}

validator!(Environment);
