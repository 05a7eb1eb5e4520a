//! Answers: JSON, unless a client asked for a file, or for what everybody may read.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// Bytes that are handed to the connection at a time, so that what was sent can be dropped.
const MAX_FRAME_BYTES: usize = 64 << 10;

/// An answer to a request.
pub(super) type Reply = Response<ReplyBody>;

/// The body of an answer.
pub(super) enum ReplyBody {
    /// All of it. Its length is sent in the head.
    Whole(Bytes),
    /// Pieces, each of which is made only when the client has taken those before it.
    Streamed(Pieces),
}

/// The pieces of a streamed answer. An error closes the connection, so that the client cannot take what it got for the whole.
pub(super) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BrokenOff>> + Send>>;

/// A streamed answer ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off")]
pub(super) struct BrokenOff;

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => {
                let frame = bytes.split_to(bytes.len().min(MAX_FRAME_BYTES));
                Poll::Ready(Some(Ok(Frame::data(frame))))
            }
            Self::Streamed(pieces) => pieces.as_mut().poll_next(context).map_ok(Frame::data),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(_) => SizeHint::default(),
        }
    }
}

/// Creates an answer with `value` as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    match serde_json::to_vec(value) {
        Ok(text) => json_text(status, text),
        Err(error) => {
            tracing::error!(event = "answer_not_written", %error, "an answer cannot be written as JSON");
            json_text(StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    }
}

/// Creates an answer whose body is JSON already.
pub(super) fn json_text(status: StatusCode, text: impl Into<Bytes>) -> Reply {
    json_body(status, ReplyBody::Whole(text.into()))
}

/// Creates an answer that is a file for whoever asked for one. `name` has letters, digits, hyphens and dots alone.
pub(super) fn file(content_type: &'static str, name: &str, body: ReplyBody) -> Reply {
    let mut reply = json_body(StatusCode::OK, body);
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        reply.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    reply
}

/// Creates an answer without a body.
pub(super) fn no_content() -> Reply {
    let mut reply = Response::new(ReplyBody::Whole(Bytes::new()));
    *reply.status_mut() = StatusCode::NO_CONTENT;
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// Creates the answer to a client that has the answer already.
pub(super) fn not_modified() -> Reply {
    let mut reply = no_content();
    *reply.status_mut() = StatusCode::NOT_MODIFIED;
    reply
}

/// Says that an answer depends on a header of the request.
pub(super) fn vary(reply: &mut Reply, name: HeaderName) {
    let is_named = reply.headers().get_all(VARY).iter().any(|value| value.as_bytes() == name.as_str().as_bytes());
    if !is_named {
        reply.headers_mut().append(VARY, HeaderValue::from_name(name));
    }
}

/// Creates an answer whose body is JSON, whole or in pieces.
pub(super) fn json_body(status: StatusCode, body: ReplyBody) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Answers hold personal data, and change from poll to poll.
    reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}
