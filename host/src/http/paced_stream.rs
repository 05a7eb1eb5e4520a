//! A connection whose client must take answers at a least rate.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::transfer_pace::TransferPace;

/// A connection that fails if the client takes answers at less than a least rate.
pub(super) struct PacedStream<S> {
    stream: S,
    pace: TransferPace,
    /// Since when the client has taken nothing, while there is something to take.
    blocked_since: Option<Instant>,
    /// Ends when the client has taken nothing for too long. Made when a client first lets a transfer stand still, which few do.
    end: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncWrite + Unpin> PacedStream<S> {
    /// Wraps a connection whose client may take nothing for `longest_pause` at a time.
    pub(super) fn new(stream: S, bytes_per_second: u64, longest_pause: Duration) -> Self {
        let pace = TransferPace::new(bytes_per_second, longest_pause, longest_pause);
        Self { stream, pace, blocked_since: None, end: None }
    }

    /// Passes on the result of a write, unless the client has taken nothing for too long.
    fn judge(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = written {
            if let Some(since) = self.blocked_since.take() {
                self.pace.stood_still(since.elapsed());
            }
            self.pace.moved(*result.as_ref().unwrap_or(&0));
            return Poll::Ready(result);
        }
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(Duration::ZERO)));
        if self.blocked_since.is_none() {
            let now = Instant::now();
            self.blocked_since = Some(now);
            end.as_mut().reset(now + self.pace.remaining());
        }
        end.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.judge(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}
