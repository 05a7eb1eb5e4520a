//! A connection whose bytes are checked before hyper reads them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connections::Connection;
use super::head_scanner::{HeadError, HeadScanner};
use super::lingering::linger;
use super::problem::Problem;

/// A connection from which hyper reads only heads that every program reads in the same way. Tells the listener what the
/// connection waits for. Whoever has a copy of this keeps the connection open, also when hyper has ended with it.
#[derive(Debug)]
pub(super) struct GuardedStream<S>(Arc<Mutex<Guarded<S>>>);

impl<S> Clone for GuardedStream<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A connection, and how far its bytes were checked.
#[derive(Debug)]
struct Guarded<S> {
    stream: S,
    scanner: HeadScanner,
    connection: Arc<Connection>,
    /// Why nothing more is read.
    refused: Option<HeadError>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> GuardedStream<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self(Arc::new(Mutex::new(Guarded { stream, scanner: HeadScanner::new(), connection, refused: None })))
    }

    /// Returns whether nothing more is read because the client sent what is refused.
    pub(super) fn is_refused(&self) -> bool {
        self.0.lock().refused.is_some()
    }

    /// Ends the connection without the loss of what was answered, if the client has not sent the whole of its last request; other
    /// connections are closed at once. This must be the last copy.
    pub(super) async fn linger(self) {
        let Some(guarded) = Arc::into_inner(self.0).map(Mutex::into_inner) else { return };
        let Guarded { stream, mut scanner, refused, connection } = guarded;
        if refused.is_none() && scanner.is_between_requests() {
            return;
        }
        connection.begin_lingering(Instant::now());
        // What follows bytes that are refused cannot be told apart.
        linger(stream, |bytes| refused.is_none() && (scanner.follow(bytes).is_err() || scanner.is_between_requests()))
            .await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
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
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self.0.lock();
        if let Some(error) = this.refused {
            return this.refuse(error, context);
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let followed = this.scanner.follow(buffer.filled().get(before..).unwrap_or_default());
        this.connection.received(this.scanner.head_bytes(), this.scanner.is_between_requests(), Instant::now());
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
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.lock().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self.0.lock();
        // hyper flushes when it has nothing more to write.
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.connection.flushed(this.scanner.head_bytes(), Instant::now());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.lock().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0.lock().stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.lock().stream.is_write_vectored()
    }
}
