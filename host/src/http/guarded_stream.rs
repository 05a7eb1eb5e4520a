//! A connection whose bytes are checked before hyper reads them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::Connection;
use super::head_scanner::{HeadError, HeadScanner};
use super::problem::Problem;

/// A connection from which hyper reads only heads that every program reads in the same way. Tells the listener what the
/// connection waits for.
#[derive(Debug)]
pub(super) struct GuardedStream<S> {
    stream: S,
    scanner: HeadScanner,
    connection: Arc<Connection>,
    /// Why nothing more is read.
    refused: Option<HeadError>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> GuardedStream<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, scanner: HeadScanner::new(), connection, refused: None }
    }

    /// Ends reading because of an error. The client is told in place of an answer, once earlier requests are answered.
    fn refuse(&mut self, error: HeadError, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let failed = Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        if error.is_in_body() {
            return failed;
        }
        if self.connection.is_answering() {
            // hyper reads again once the answer is sent.
            return Poll::Pending;
        }
        // Everything before was sent, so the system has room for these few bytes; nobody waits for a client that has none.
        drop(Pin::new(&mut self.stream).poll_write(context, &Problem::from(error).into_bytes()));
        failed
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(error) = this.refused {
            return this.refuse(error, context);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let followed = this.scanner.follow(buffer.filled().get(before..).unwrap_or_default());
        this.connection.received(this.scanner.head_bytes(), Instant::now());
        if let Err((right, error)) = followed {
            this.refused = Some(error);
            buffer.set_filled(before + right);
            if right == 0 {
                return this.refuse(error, context);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has nothing more to write.
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.connection.flushed(self.scanner.head_bytes(), Instant::now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
