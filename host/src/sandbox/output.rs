//! The standard output and error of a guest. The first bytes are kept for the log and the rest is dropped, so that a guest
//! which prints much is not stopped for it and cannot fill the host's memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::plain_words::grouped;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Bytes that a guest may pass in one write.
const MAX_WRITE_BYTES: usize = 4 << 10;

/// A bounded record of a guest's standard output and error.
#[derive(Debug, Clone)]
pub(super) struct Output {
    kept: Arc<Mutex<Kept>>,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// How many more bytes the guest printed.
    dropped: usize,
}

impl Output {
    pub(super) fn new(capacity: usize) -> Self {
        Self { kept: Arc::default(), capacity }
    }

    /// Returns what was kept so far, with replacement characters for bytes that are not UTF-8. A last line says how much was
    /// dropped, if something was.
    pub(super) fn text(&self) -> String {
        let kept = self.kept.lock();
        let mut text = String::from_utf8_lossy(&kept.bytes).trim().to_owned();
        if kept.dropped > 0 {
            text.push_str(&format!("\n[{} more bytes were printed and dropped]", grouped(kept.dropped)));
        }
        text
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock();
        let room = self.capacity.saturating_sub(kept.bytes.len()).min(bytes.len());
        kept.bytes.extend(bytes.iter().take(room));
        kept.dropped = kept.dropped.saturating_add(bytes.len() - room);
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.keep(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE_BYTES)
    }
}

impl Pollable for Output {
    fn ready<'a, 'b>(&'a mut self) -> Pin<Box<dyn Future<Output = ()> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(std::future::ready(()))
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.keep(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::Output;

    #[test]
    fn what_was_dropped_is_marked() {
        let output = Output::new(5);
        output.keep(b"abc");
        assert_eq!(output.text(), "abc");
        output.keep(b"defgh");
        output.keep(b"ij");
        assert_eq!(output.text(), "abcde\n[5 more bytes were printed and dropped]");
    }
}
