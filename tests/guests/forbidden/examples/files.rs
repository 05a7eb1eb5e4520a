//! Uses files: `{"attempt": {"read": "/etc/passwd"}}`, `{"list": "/"}` or `{"write": "/tmp/here"}`. The file system is linked,
//! and is empty.

use bulkhead_guest_forbidden::{Attempt, describe, validator};
use serde_json::Value;

struct Files;

impl Attempt for Files {
    fn attempt(attempt: &Value) -> String {
        let path = |way: &str| attempt.get(way).and_then(Value::as_str);
        if let Some(path) = path("read") {
            describe(std::fs::read_to_string(path))
        } else if let Some(path) = path("list") {
            describe(
                std::fs::read_dir(path)
                    .map(|folder| folder.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>()),
            )
        } else if let Some(path) = path("write") {
            describe(std::fs::write(path, "here"))
        } else {
            String::from("nothing to try")
        }
    }
}

validator!(Files);
