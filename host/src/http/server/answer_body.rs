//! The body of an answer, whose end the listener learns.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::http::connections::{Connection, CountedRequest};
use crate::http::reply::{BrokenOff, ReplyBody};

/// The body of an answer. hyper drops it when the answer is complete.
pub(super) struct AnswerBody {
    body: ReplyBody,
    connection: Arc<Connection>,
    _counted: Option<CountedRequest>,
}

impl AnswerBody {
    pub(super) fn new(body: ReplyBody, connection: Arc<Connection>, counted: Option<CountedRequest>) -> Self {
        Self { body, connection, _counted: counted }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.connection.answered();
    }
}
