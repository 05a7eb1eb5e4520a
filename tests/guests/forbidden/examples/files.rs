//! Uses files: `{"attempt": {"read": "/etc/passwd"}}`, `{"list": "/"}` or `{"write": "/tmp/here"}`. Files are linked,
//! and there are none.

use bulkhead_guest_forbidden::{Reach, said, validator};
use serde_json::Value;

struct Files;

impl Reach for Files {
    fn reach(attempt: &Value) -> String {
        let path = |way: &str| attempt.get(way).and_then(Value::as_str);
        if let Some(path) = path("read") {
            said(std::fs::read_to_string(path))
        } else if let Some(path) = path("list") {
            said(
                std::fs::read_dir(path)
                    .map(|folder| folder.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>()),
            )
        } else if let Some(path) = path("write") {
            said(std::fs::write(path, "here"))
        } else {
            String::from("nothing to try")
        }
    }
}

validator!(Files);
