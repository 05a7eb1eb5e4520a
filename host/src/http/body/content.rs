//! What has arrived of a body, and its memory.

use bytes::BytesMut;

use crate::http::body_memory::{Reservation, SMALL_BODY_BYTES};
use crate::http::problem::Problem;

/// What has arrived of a body, inflated.
pub(super) struct Content {
    pub(super) bytes: BytesMut,
    /// Bytes that the content may become, as far as the body's head says.
    most_bytes: usize,
    /// Bytes that any content may have.
    pub(super) max_bytes: usize,
    /// Bytes of the memory that a decoder takes, beside the content.
    decoder_bytes: usize,
    pub(super) memory: Reservation,
}

impl Content {
    /// Returns the content of a body that may become `most_bytes` bytes, of those that any may have.
    pub(super) fn new(most_bytes: usize, max_bytes: usize, memory: Reservation) -> Self {
        Self { bytes: BytesMut::new(), most_bytes, max_bytes, decoder_bytes: 0, memory }
    }

    /// Makes room for a decoder of `bytes` bytes beside the content; waits if there is none.
    pub(super) async fn make_room_for_decoder(&mut self, bytes: usize) -> Result<(), Problem> {
        self.decoder_bytes = bytes;
        if bytes == 0 { Ok(()) } else { self.memory.grow_to(self.bytes.len() + bytes).await }
    }

    /// Gives back the memory of the decoder.
    pub(super) fn end_decoder(&mut self) {
        self.decoder_bytes = 0;
        self.memory.shrink_to(self.bytes.len());
    }

    /// Appends bytes; waits if there is no memory for them.
    pub(super) async fn append(&mut self, data: &[u8]) -> Result<(), Problem> {
        let bytes = self.bytes.len() + data.len();
        if bytes > self.max_bytes {
            return Err(Problem::too_large(self.max_bytes));
        }
        self.memory.grow_to(bytes + self.decoder_bytes).await?;
        if bytes > self.bytes.capacity() && bytes > SMALL_BODY_BYTES && self.most_bytes < self.max_bytes {
            // The system gives memory to a program only once it is written to, so nothing is taken before it arrives.
            self.bytes.reserve(self.most_bytes.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}
