//! Opens a vault: `{"attempt": "name"}`. It never gets so far: nobody has such an interface.

use bulkhead_guest_forbidden::{Reach, said, validator};
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

impl Reach for Vault {
    fn reach(attempt: &Value) -> String {
        said(bindings::acme::secret::vault::open(attempt.as_str().unwrap_or_default()))
    }
}

validator!(Vault);
