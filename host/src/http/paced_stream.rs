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
    fn judge_write(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.end_pause();
            self.pace.moved(bytes);
        }
        self.judge(written, context)
    }

    fn end_pause(&mut self) {
        if let Some(since) = self.blocked_since.take() {
            self.pace.stood_still(since.elapsed());
        }
    }

    /// Passes on a result, unless the client has taken nothing for too long. TLS also keeps bytes until they are flushed.
    fn judge<T>(&mut self, result: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.end_pause();
            return result;
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
        this.judge_write(written, context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.judge_write(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.judge(flushed, context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = Pin::new(&mut this.stream).poll_shutdown(context);
        this.judge(ended, context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use tokio::io::{AsyncWrite, AsyncWriteExt as _};

    use super::PacedStream;

    /// Takes everything, and keeps it.
    struct Keeper;

    impl AsyncWrite for Keeper {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    #[test]
    fn what_is_kept_and_not_taken_counts_like_what_is_not_written() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut stream = PacedStream::new(Keeper, 1_000_000, Duration::from_millis(10));
            stream.write_all(b"answer").await.unwrap();
            assert_eq!(stream.flush().await.unwrap_err().kind(), ErrorKind::TimedOut);
            assert_eq!(stream.shutdown().await.unwrap_err().kind(), ErrorKind::TimedOut);
        });
    }
}
