//! Calls an interface that Bulkhead does not have: `{"attempt": "name"}`. This component cannot be registered.

use bulkhead_guest_forbidden::{Attempt, describe, validator};
use serde_json::Value;

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated"
)]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package acme:secret@1.0.0;
            interface vault {
                open: func(name: string) -> result<string, string>;
            }
            world burglar {
                import vault;
            }
        ",
    });
}

struct Vault;

impl Attempt for Vault {
    fn attempt(attempt: &Value) -> String {
        describe(bindings::acme::secret::vault::open(attempt.as_str().unwrap_or_default()))
    }
}

validator!(Vault);
