//! Answers, which are always JSON and always sent as a whole.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer to a request.
pub(super) type Reply = Response<Full<Bytes>>;

/// Creates an answer with `value` as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(text) => text_reply(status, text),
        Err(error) => {
            tracing::error!(event = "answer_not_written", %error, "an answer cannot be written as JSON");
            text_reply(StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    }
}

fn text_reply(status: StatusCode, text: Vec<u8>) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Answers hold personal data, and change from poll to poll.
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
