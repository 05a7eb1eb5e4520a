//! A TCP connection for bytes that no HTTP client would send.

use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::exchanges::{self, Sent};
use crate::{DEADLINE, Reply};

/// Bytes of a request that are kept until its answer comes.
const MAX_KEPT_BYTES: usize = 4 << 10;

/// A TCP connection to a server.
pub struct RawSocket {
    stream: TcpStream,
    reader: BufReader<TcpStream>,
    /// The beginning of what was sent since the last answer, if exchanges are recorded.
    sent: Vec<u8>,
}

/// An answer as it came.
pub struct RawReply {
    /// The status and the headers; the body is empty.
    pub head: Reply,
    /// The body, in the chunks in which it was sent.
    pub chunks: Vec<Vec<u8>>,
}

impl RawSocket {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect_timeout(&address, DEADLINE).expect("the server accepts connections"))
    }

    /// Connects to a server from another address of this machine, such as 127.0.0.2.
    pub fn connect_from(client: IpAddr, server: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(server), Type::STREAM, None).expect("the system has sockets");
        socket.bind(&SocketAddr::new(client, 0).into()).expect("the machine has the address");
        socket.connect_timeout(&server.into(), DEADLINE).expect("the server accepts connections");
        Self::new(socket.into())
    }

    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
        stream.set_write_timeout(Some(DEADLINE)).expect("a timeout can be set");
        stream.set_nodelay(true).expect("a socket option can be set");
        let reader = BufReader::new(stream.try_clone().expect("a socket can be cloned"));
        Self { stream, reader, sent: Vec::new() }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
        self.keep(bytes.as_ref());
        self
    }

    /// Sends bytes to a server that may have stopped reading. Returns whether they were sent.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.keep(bytes.as_ref());
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT_BYTES - self.sent.len();
        if exchanges::are_recorded() {
            self.sent.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Closes the connection for sending.
    pub fn finish_sending(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).expect("a socket can be shut down");
        self
    }

    /// Returns the next answer.
    ///
    /// # Panics
    /// If there is none in time.
    #[track_caller]
    pub fn reply(&mut self) -> Reply {
        self.try_reply().expect("the server closed the connection without an answer")
    }

    /// Returns the next answer; `None` if the connection was closed instead.
    #[track_caller]
    pub fn try_reply(&mut self) -> Option<Reply> {
        let mut reply = self.read_head()?;
        if let Some(length) = reply.header("content-length").and_then(|length| length.parse().ok()) {
            reply.body = self.bytes(length);
        }
        self.record(&reply);
        Some(reply)
    }

    /// Returns the next answer with its body as it was sent; a `HEAD` has none.
    ///
    /// # Panics
    /// If there is none in time, or if it is incomplete.
    #[track_caller]
    pub fn raw_reply(&mut self, is_head: bool) -> RawReply {
        let head = self.read_head().expect("the server closed the connection without an answer");
        // What is compressed is not what the descriptions say of it.
        self.sent.clear();
        let mut chunks = Vec::new();
        if is_head {
            return RawReply { head, chunks };
        }
        if let Some(length) = head.header("content-length").and_then(|length| length.parse().ok()) {
            chunks.push(self.bytes(length));
            return RawReply { head, chunks };
        }
        assert_eq!(head.header("transfer-encoding"), Some("chunked"), "the body has an end");
        while let Some(chunk) = self.chunk() {
            chunks.push(chunk);
        }
        RawReply { head, chunks }
    }

    /// Returns the status and the headers of an answer, whose chunks are read one by one.
    #[track_caller]
    pub fn begun_reply(&mut self) -> Reply {
        self.sent.clear();
        self.read_head().expect("the server closed the connection without an answer")
    }

    /// Returns the next chunk of an answer, or `None` at its end.
    ///
    /// # Panics
    /// If there is none in time.
    #[track_caller]
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.reader.read_line(&mut size).expect("a chunk is announced");
        let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
        let chunk = self.bytes(size);
        assert_eq!(self.bytes(2), b"\r\n", "the end of a chunk");
        (!chunk.is_empty()).then_some(chunk)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.reader.read_exact(&mut bytes).expect("the body is as long as announced");
        bytes
    }

    fn read_head(&mut self) -> Option<Reply> {
        let head = self.head()?;
        let mut lines = head.lines();
        let status_line = lines.next().unwrap_or_default();
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {head}"));
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Reply::new(status, headers, Vec::new()))
    }

    /// Records the exchange, if what was sent since the last answer begins with a request that has a path.
    fn record(&mut self, reply: &Reply) {
        let sent = std::mem::take(&mut self.sent);
        let head = String::from_utf8_lossy(&sent);
        let words: Vec<&str> = head.lines().next().unwrap_or_default().split(' ').collect();
        let [method, path, "HTTP/1.1"] = words[..] else { return };
        let has_override = head.to_ascii_lowercase().contains("x-http-method-override");
        // An interim answer, such as 100, is followed by the answer.
        if path.starts_with('/') && !has_override && reply.status >= 200 {
            let body = reply.header("content-length").map(|_| reply.body.as_slice());
            exchanges::record(&Sent { method, path, meant: None }, reply, body);
        }
    }

    fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.reader.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no answer in time: {error}"),
            }
        }
        (!head.is_empty()).then(|| String::from_utf8(head).expect("a head is ASCII"))
    }

    /// Waits until the server closes the connection. Returns the bytes until then as text.
    #[track_caller]
    pub fn until_closed(&mut self) -> String {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection was not closed: {error}"),
        }
        String::from_utf8_lossy(&rest).into_owned()
    }
}
