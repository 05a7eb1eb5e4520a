//! An attacker's connection: HTTP/1.1 by hand, so that it can stop anywhere.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

/// Beginning of an answer's body that is kept, in bytes.
const MAX_KEPT_BYTES: usize = 4 << 10;
/// Bytes that one read takes of a body.
const READ_BYTES: usize = 64 << 10;

/// The beginning of an answer.
pub(super) struct Answer {
    pub(super) status: u16,
    /// At most [`MAX_KEPT_BYTES`].
    pub(super) body: Vec<u8>,
}

pub(super) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects from a local address. `window` is the size of the buffer for answers in bytes, if it is not the usual one.
    pub(super) async fn open(from: Ipv4Addr, to: SocketAddr, window: Option<u32>) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if let Some(window) = window {
            socket.set_recv_buffer_size(window)?;
        }
        socket.bind(SocketAddr::from((from, 0)))?;
        Ok(Self(BufReader::new(socket.connect(to).await?)))
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.get_mut().write_all(bytes).await
    }

    /// Reads at most `most` bytes. Returns 0 if the server has closed the connection.
    pub(super) async fn read(&mut self, most: usize) -> io::Result<usize> {
        self.0.read(&mut vec![0; most]).await
    }

    /// Reads an answer to its end.
    pub(super) async fn answer(&mut self) -> io::Result<Answer> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let (mut length, mut is_chunked) = (0, false);
        loop {
            let line = self.line().await?.to_ascii_lowercase();
            match line.split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
                Some(("transfer-encoding", _)) => is_chunked = true,
                Some(_) => {}
                None => break,
            }
        }
        let mut body = Vec::new();
        if !is_chunked {
            self.take(length, &mut body).await?;
        }
        while is_chunked {
            let size = usize::from_str_radix(self.line().await?.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            self.take(size, &mut body).await?;
            self.line().await?;
            is_chunked = size > 0;
        }
        Ok(Answer { status, body })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        match self.0.read_line(&mut line).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    async fn take(&mut self, mut left: usize, body: &mut Vec<u8>) -> io::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        while left > 0 {
            let most = left.min(buffer.len());
            let read = self.0.read(buffer.get_mut(..most).unwrap_or_default()).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= read;
            let room = MAX_KEPT_BYTES.saturating_sub(body.len()).min(read);
            body.extend(buffer.get(..room).unwrap_or_default());
        }
        Ok(())
    }
}
