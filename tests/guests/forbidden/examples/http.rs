//! Sends a request: `{"attempt": "127.0.0.1:80"}`. It never gets so far: wasi:http is not linked.

use bulkhead_guest_forbidden::{Reach, said, validator};
use serde_json::Value;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, OutgoingRequest};

struct Http;

impl Reach for Http {
    fn reach(attempt: &Value) -> String {
        let request = OutgoingRequest::new(Fields::new());
        if request.set_authority(attempt.as_str()).is_err() {
            return String::from("no address");
        }
        said(outgoing_handler::handle(request, None))
    }
}

validator!(Http);
