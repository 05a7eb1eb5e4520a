//! The end of a connection whose client may still send.
//!
//! If a server closes a connection while bytes of the client are unread, the system resets the connection, and a client that
//! is still sending never sees the answer. So a server that answers early first ends its own side alone, and then discards what
//! still comes.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long the client may send nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long it may send at all. A shutdown waits as long for requests.
const LONGEST_TIME: Duration = Duration::from_secs(5);
/// Bytes that are discarded: four times the largest body that a server takes by default, because a body that is refused for its
/// size must be heard out, too. Discarding takes little time, and a client has to send each of the bytes.
const MAX_BYTES: u64 = 256 << 20;
/// Bytes that are read at a time, which is the memory that this takes.
const BUFFER_BYTES: usize = 16 << 10;

/// Ends the server's side of a connection. Then discards what the client sends, until the client ends its side, sends nothing
/// for two seconds, or has sent for five seconds or 256 MiB, or until `is_enough` is true, which is given each piece.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, mut is_enough: impl FnMut(&[u8]) -> bool) {
    let discarding = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut left = MAX_BYTES;
        while left > 0 {
            let bytes = timeout(LONGEST_PAUSE, stream.read(&mut buffer)).await??;
            let piece = buffer.get(..bytes).unwrap_or_default();
            if piece.is_empty() || is_enough(piece) {
                break;
            }
            left = left.saturating_sub(bytes as u64);
        }
        Ok::<(), std::io::Error>(())
    };
    // However it ends, the connection is closed.
    drop(timeout(LONGEST_TIME, discarding).await);
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
    use tokio::time::Instant;

    use super::{LONGEST_PAUSE, linger};

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("the system gives a runtime").block_on(test);
    }

    #[test]
    fn a_client_that_ends_its_side_is_not_waited_for() {
        run(async {
            let (server, mut client) = duplex(64);
            let sending = async {
                client.write_all(&[0; 100_000]).await.expect("everything is read");
                client.shutdown().await.expect("it can be ended");
                assert_eq!(client.read(&mut [0]).await.expect("it can be read"), 0, "the server's side has ended");
            };
            let begun = Instant::now();
            tokio::join!(linger(server, |_| false), sending);
            assert!(begun.elapsed() < LONGEST_PAUSE);
        });
    }

    #[test]
    fn enough_is_enough() {
        run(async {
            let (server, mut client) = duplex(64);
            let mut left = 1_000_usize;
            let begun = Instant::now();
            let is_enough = |piece: &[u8]| {
                left = left.saturating_sub(piece.len());
                left == 0
            };
            let (sent, ()) = tokio::join!(client.write_all(&[0; 1_000]), linger(server, is_enough));
            sent.expect("everything is read");
            assert!(begun.elapsed() < LONGEST_PAUSE);
        });
    }
}
