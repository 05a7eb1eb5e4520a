//! Follows the bytes that a client sends, and refuses heads that two programs could read in two ways.
//!
//! A proxy before the server and the server itself must agree where each request begins and ends, or a stranger can hide a
//! request in another one's. hyper accepts several forms that proxies read differently. [`HeadScanner`] accepts fewer heads
//! than hyper, and frames those that it accepts as hyper does: a property test compares the two.

use thiserror::Error;

/// Header fields that a request may have.
pub(super) const MAX_HEADERS: usize = 64;
/// Bytes of a request's head.
pub(super) const MAX_HEAD_BYTES: usize = 64 << 10;
/// Digits of a `Content-Length`; any number of so many digits fits into 64 bits.
const MAX_LENGTH_DIGITS: usize = 18;
/// Bytes of the longest header name whose value matters here, `transfer-encoding`.
const MAX_NAME_BYTES: usize = 17;
/// Bytes of a value that are kept. A longer `Content-Length` or `Transfer-Encoding` is refused.
const MAX_VALUE_BYTES: usize = 24;

/// Why a head, or the framing of a chunked body, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum HeadError {
    #[error("A line of the request's head ends in LF alone. End each line with CR and LF.")]
    BareLf,
    #[error(
        "The request's head contains a control character. Send CR only before LF, and no other control characters."
    )]
    Control,
    #[error(
        "The first line of the request is not a method, a path and HTTP/1.1 or HTTP/1.0, with one space between them."
    )]
    RequestLine,
    #[error(
        "The URL has a character that must be in percent-encoding: %22 for a quotation mark, %3C for <, %3E for >, %23 for #, and for each letter outside ASCII its bytes in UTF-8, such as %C3%BC."
    )]
    Unencoded,
    #[error("A header's name is not a name that is followed by a colon at once.")]
    Name,
    #[error("A header continues on the next line. Send each header on one line.")]
    Folded,
    #[error("The request has no Host header. Send one; HTTP/1.1 requires it.")]
    NoHost,
    #[error("The request has several Host headers. Send one.")]
    RepeatedHost,
    #[error("The request has several Authorization headers. Send one.")]
    RepeatedAuthorization,
    #[error("The request has several Content-Length headers. Send one.")]
    RepeatedLength,
    #[error("Content-Length is not a number of bytes.")]
    Length,
    #[error("Transfer-Encoding is not exactly `chunked`, in an HTTP/1.1 request. No other encoding is supported.")]
    Coding,
    #[error("The request has both Content-Length and Transfer-Encoding. Send one of them.")]
    LengthAndCoding,
    #[error("The request has more than {MAX_HEADERS} headers. Send fewer.")]
    TooManyHeaders,
    #[error(
        "The request's head has more than {MAX_HEAD_BYTES} bytes. Send a shorter path, or fewer or shorter headers."
    )]
    TooLarge,
    #[error("The body is not in chunks as HTTP/1.1 defines them.")]
    Chunk,
}

impl HeadError {
    /// Returns whether the head has too many bytes or headers.
    pub(super) fn is_about_size(self) -> bool {
        matches!(self, Self::TooManyHeaders | Self::TooLarge)
    }

    /// Returns whether the error is in a body, so that the request's handler tells the client.
    pub(super) fn is_in_body(self) -> bool {
        self == Self::Chunk
    }
}

/// A place in the bytes of a connection. A number is how many bytes of a body, or of a chunk, are still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two requests.
    Start,
    /// After the CR of an empty line before a request.
    StartLf,
    Method,
    /// In the path; whether it has a byte.
    Target(bool),
    /// In `HTTP/1.1`, after so many of its bytes.
    Version(usize),
    RequestLineLf,
    FieldStart,
    Name,
    /// In a header's value, before its first byte that is no blank.
    ValueStart,
    Value,
    ValueLf,
    HeadLf,
    Body(u64),
    ChunkStart,
    ChunkSize(u64),
    ChunkBlank(u64),
    ChunkExtension(u64),
    ChunkSizeLf(u64),
    ChunkData(u64),
    ChunkDataCr,
    ChunkDataLf,
    TrailerStart,
    Trailer,
    TrailerLf,
    TrailersLf,
}

/// The first bytes of a text.
#[derive(Debug, Clone, Copy)]
struct Beginning<const N: usize> {
    bytes: [u8; N],
    /// The bytes of the whole text.
    length: usize,
}

impl<const N: usize> Beginning<N> {
    const EMPTY: Self = Self { bytes: [0; N], length: 0 };

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
    }

    /// Returns the text; `None` if it is longer than what was kept.
    fn text(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }

    fn is(&self, text: &[u8]) -> bool {
        self.text().is_some_and(|bytes| bytes.eq_ignore_ascii_case(text))
    }
}

/// What matters of a head so far.
#[derive(Debug, Clone, Copy)]
struct Head {
    bytes: usize,
    headers: usize,
    is_http_1_1: bool,
    name: Beginning<MAX_NAME_BYTES>,
    value: Beginning<MAX_VALUE_BYTES>,
    has_host: bool,
    has_authorization: bool,
    length: Option<u64>,
    is_chunked: bool,
}

impl Head {
    const EMPTY: Self = Self {
        bytes: 0,
        headers: 0,
        is_http_1_1: false,
        name: Beginning::EMPTY,
        value: Beginning::EMPTY,
        has_host: false,
        has_authorization: false,
        length: None,
        is_chunked: false,
    };

    /// Takes the header whose line has ended.
    fn end_header(&mut self) -> Result<(), HeadError> {
        let first = |seen: &mut bool, error| if std::mem::replace(seen, true) { Err(error) } else { Ok(()) };
        if self.name.is(b"host") {
            first(&mut self.has_host, HeadError::RepeatedHost)
        } else if self.name.is(b"authorization") {
            first(&mut self.has_authorization, HeadError::RepeatedAuthorization)
        } else if self.name.is(b"content-length") {
            let length =
                self.value.text().map(<[u8]>::trim_ascii_end).and_then(parse_length).ok_or(HeadError::Length)?;
            if self.length.replace(length).is_some() { Err(HeadError::RepeatedLength) } else { Ok(()) }
        } else if self.name.is(b"transfer-encoding") {
            let is_chunked =
                self.value.text().is_some_and(|value| value.trim_ascii_end().eq_ignore_ascii_case(b"chunked"));
            if is_chunked { first(&mut self.is_chunked, HeadError::Coding) } else { Err(HeadError::Coding) }
        } else {
            Ok(())
        }
    }

    /// Returns what follows the head.
    fn end(&self) -> Result<State, HeadError> {
        if !self.has_host && self.is_http_1_1 {
            return Err(HeadError::NoHost);
        }
        match (self.length, self.is_chunked) {
            (Some(_), true) => Err(HeadError::LengthAndCoding),
            (None, true) if !self.is_http_1_1 => Err(HeadError::Coding),
            (None, true) => Ok(State::ChunkStart),
            (None | Some(0), false) => Ok(State::Start),
            (Some(length), false) => Ok(State::Body(length)),
        }
    }
}

/// Follows the bytes that a client sends on a connection.
#[derive(Debug)]
pub(super) struct HeadScanner {
    state: State,
    head: Head,
}

impl HeadScanner {
    /// Begins before the first byte of a connection.
    pub(super) fn new() -> Self {
        Self { state: State::Start, head: Head::EMPTY }
    }

    /// Returns the bytes of the head that has begun and not ended; 0 between requests and in a body.
    pub(super) fn head_bytes(&self) -> usize {
        self.head.bytes
    }

    /// Returns whether the last request has come as a whole, with its body, and no byte of another one.
    pub(super) fn is_between_requests(&self) -> bool {
        self.state == State::Start
    }

    /// Follows the next bytes.
    ///
    /// # Errors
    /// What is wrong, and how many bytes before the wrong one are right. The bytes of a head are never all right if its
    /// request is refused.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), (usize, HeadError)> {
        let mut place = 0;
        while let Some(&byte) = bytes.get(place) {
            if let State::Body(left) | State::ChunkData(left) = self.state {
                let available = u64::try_from(bytes.len() - place).unwrap_or(u64::MAX);
                let taken = left.min(available);
                self.state = match (self.state, left - taken) {
                    (State::Body(_), 0) => State::Start,
                    (State::Body(_), left) => State::Body(left),
                    (_, 0) => State::ChunkDataCr,
                    (_, left) => State::ChunkData(left),
                };
                place += usize::try_from(taken).unwrap_or(usize::MAX);
                continue;
            }
            self.state = self.step(byte).map_err(|error| (place, error))?;
            place += 1;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<State, HeadError> {
        if self.is_in_head() {
            self.head.bytes += 1;
            // One byte before hyper's buffer is full, which would end the connection with an answer that says less.
            if self.head.bytes >= MAX_HEAD_BYTES {
                return Err(HeadError::TooLarge);
            }
            self.step_in_head(byte)
        } else {
            step_in_body(self.state, byte)
        }
    }

    fn is_in_head(&self) -> bool {
        use State::{
            FieldStart, HeadLf, Method, Name, RequestLineLf, Start, StartLf, Target, Value, ValueLf, ValueStart,
            Version,
        };
        matches!(
            self.state,
            Start
                | StartLf
                | Method
                | Target(_)
                | Version(_)
                | RequestLineLf
                | FieldStart
                | Name
                | ValueStart
                | Value
                | ValueLf
                | HeadLf
        )
    }

    fn step_in_head(&mut self, byte: u8) -> Result<State, HeadError> {
        match (self.state, byte) {
            // Some clients send an empty line after a body.
            (State::Start, b'\r') => Ok(State::StartLf),
            (State::StartLf, b'\n') => Ok(State::Start),
            (State::Start | State::Method, _) if is_token(byte) => Ok(State::Method),
            (State::Method, b' ') => Ok(State::Target(false)),
            // What follows `#` is never sent; programs differ in what they make of it.
            (State::Target(_), b'"' | b'#' | b'<' | b'>' | 0x80..) => Err(HeadError::Unencoded),
            (State::Target(_), b'!'..=b'~') => Ok(State::Target(true)),
            (State::Target(true), b' ') => Ok(State::Version(0)),
            (State::Version(length), _) => self.step_in_version(length, byte),
            (State::RequestLineLf | State::ValueLf, b'\n') => Ok(State::FieldStart),
            (State::FieldStart, b'\r') => Ok(State::HeadLf),
            (State::FieldStart, b' ' | b'\t') => Err(HeadError::Folded),
            (State::FieldStart, _) if is_token(byte) => {
                self.head.headers += 1;
                if self.head.headers > MAX_HEADERS {
                    return Err(HeadError::TooManyHeaders);
                }
                self.head.name = Beginning::EMPTY;
                self.head.value = Beginning::EMPTY;
                self.head.name.push(byte);
                Ok(State::Name)
            }
            (State::Name, b':') => Ok(State::ValueStart),
            (State::Name, _) if is_token(byte) => {
                self.head.name.push(byte);
                Ok(State::Name)
            }
            (State::ValueStart, b' ' | b'\t') => Ok(State::ValueStart),
            (State::ValueStart | State::Value, b'\r') => {
                self.head.end_header()?;
                Ok(State::ValueLf)
            }
            (State::ValueStart | State::Value, b'\t' | b' '..=b'~' | 0x80..) => {
                self.head.value.push(byte);
                Ok(State::Value)
            }
            (State::HeadLf, b'\n') => {
                let next = self.head.end()?;
                self.head = Head::EMPTY;
                Ok(next)
            }
            (_, b'\n') => Err(HeadError::BareLf),
            (State::Value | State::ValueStart, _) => Err(HeadError::Control),
            (State::ValueLf | State::RequestLineLf | State::HeadLf | State::StartLf, _) => Err(HeadError::Control),
            (State::FieldStart | State::Name, _) => Err(HeadError::Name),
            _ => Err(HeadError::RequestLine),
        }
    }

    fn step_in_version(&mut self, length: usize, byte: u8) -> Result<State, HeadError> {
        const PREFIX: &[u8] = b"HTTP/1.";
        match (PREFIX.get(length), byte) {
            (Some(expected), _) if *expected == byte => Ok(State::Version(length + 1)),
            (None, b'0' | b'1') if length == PREFIX.len() => {
                self.head.is_http_1_1 = byte == b'1';
                Ok(State::Version(length + 1))
            }
            (None, b'\r') if length > PREFIX.len() => Ok(State::RequestLineLf),
            (_, b'\n') => Err(HeadError::BareLf),
            _ => Err(HeadError::RequestLine),
        }
    }
}

fn step_in_body(state: State, byte: u8) -> Result<State, HeadError> {
    use State::{
        ChunkBlank, ChunkDataCr, ChunkDataLf, ChunkExtension, ChunkSize, ChunkSizeLf, ChunkStart, Start, Trailer,
        TrailerLf, TrailerStart, TrailersLf,
    };
    match (state, byte) {
        (ChunkStart, _) if byte.is_ascii_hexdigit() => add_digit(0, byte),
        (ChunkSize(size), _) if byte.is_ascii_hexdigit() => add_digit(size, byte),
        (ChunkSize(size) | ChunkBlank(size), b' ' | b'\t') => Ok(ChunkBlank(size)),
        (ChunkSize(size) | ChunkBlank(size), b';') => Ok(ChunkExtension(size)),
        (ChunkSize(size) | ChunkBlank(size) | ChunkExtension(size), b'\r') => Ok(ChunkSizeLf(size)),
        (ChunkExtension(size), b'\t' | b' '..=b'~' | 0x80..) => Ok(ChunkExtension(size)),
        (ChunkSizeLf(0), b'\n') => Ok(TrailerStart),
        (ChunkSizeLf(size), b'\n') => Ok(State::ChunkData(size)),
        (ChunkDataCr, b'\r') => Ok(ChunkDataLf),
        (ChunkDataLf, b'\n') => Ok(ChunkStart),
        (TrailerStart, b'\r') => Ok(TrailersLf),
        (TrailerStart | Trailer, b'!'..=b'~' | 0x80..) | (Trailer, b' ' | b'\t') => Ok(Trailer),
        (Trailer, b'\r') => Ok(TrailerLf),
        (TrailerLf, b'\n') => Ok(TrailerStart),
        (TrailersLf, b'\n') => Ok(Start),
        _ => Err(HeadError::Chunk),
    }
}

fn add_digit(size: u64, digit: u8) -> Result<State, HeadError> {
    let digit = char::from(digit).to_digit(16).ok_or(HeadError::Chunk)?;
    let size = size.checked_mul(16).and_then(|size| size.checked_add(u64::from(digit)));
    size.map(State::ChunkSize).ok_or(HeadError::Chunk)
}

/// Returns whether a byte can be in a method or in a header's name.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn parse_length(digits: &[u8]) -> Option<u64> {
    let valid = !digits.is_empty() && digits.len() <= MAX_LENGTH_DIGITS && digits.iter().all(u8::is_ascii_digit);
    if valid { std::str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
// A fuzz target includes this file by its path.
#[path = "head_scanner/tests.rs"]
mod tests;
