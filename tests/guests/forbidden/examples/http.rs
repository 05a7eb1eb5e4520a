//! Sends an HTTP request: `{"attempt": "127.0.0.1:80"}`. This component cannot be registered, because wasi:http is not linked.

use bulkhead_guest_forbidden::{Attempt, describe, validator};
use serde_json::Value;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, OutgoingRequest};

struct Http;

impl Attempt for Http {
    fn attempt(attempt: &Value) -> String {
        let request = OutgoingRequest::new(Fields::new());
        if request.set_authority(attempt.as_str()).is_err() {
            return String::from("no address");
        }
        describe(outgoing_handler::handle(request, None))
    }
}

validator!(Http);
