//! Reads any bytes as a form of parts. The first bytes are the boundary, up to the first line feed. Fields that were read must come
//! back when they are written and read again, as far as their names can be written.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/src/http/header_parameters.rs"]
mod header_parameters;
#[path = "../../host/src/http/multipart.rs"]
mod multipart;

/// What the server answers, as far as the two modules above need it.
mod problem {
    #[derive(Debug)]
    pub(crate) struct Problem;

    impl Problem {
        pub(crate) fn bad_request(_: impl Into<String>) -> Self {
            Self
        }

        pub(crate) fn unsupported_type(_: impl Into<String>) -> Self {
            Self
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (text, rest) = bytes.split_at(end);
    let body = rest.get(1..).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(boundary) = multipart::Boundary::new(Some(text)) else { return };
    let read: Vec<_> = multipart::fields(body, &boundary).collect();
    assert!(read.iter().rev().skip(1).all(Result::is_ok), "fields follow an error");
    let fields: Vec<(String, String)> = read.into_iter().flatten().collect();
    let mut written = String::new();
    for (name, value) in &fields {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        written.push_str(&format!("--{text}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    written.push_str(&format!("--{text}--"));
    if written.len() < 4_000 {
        let again: Result<Vec<_>, _> = multipart::fields(written.as_bytes(), &boundary).collect();
        assert_eq!(again.expect("what was read can be written"), fields);
    }
});
