//! Requests as the servers of tests receive them.

use std::io::BufRead;

/// A request of HTTP/1.1 whose body has a `Content-Length`, or that has none.
#[derive(Debug, Clone, Default)]
pub struct HttpRequest {
    /// The lines of the head, each with its end, without the empty one behind them.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// Receives a request. Returns `None` when the connection ends.
    pub fn receive(reader: &mut impl BufRead) -> Option<Self> {
        Self::receive_and_continue(reader, || {})
    }

    /// Receives a request. Calls `go_on` if its client waits for `100 Continue` before it sends the body.
    pub fn receive_and_continue(reader: &mut impl BufRead, go_on: impl FnOnce()) -> Option<Self> {
        let mut request = Self::default();
        loop {
            let begin = request.head.len();
            if reader.read_line(&mut request.head).ok()? == 0 {
                return None;
            }
            if request.head[begin..].trim().is_empty() {
                request.head.truncate(begin);
                break;
            }
        }
        if request.header("expect").is_some() {
            go_on();
        }
        let length = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
        request.body = vec![0; length];
        reader.read_exact(&mut request.body).ok()?;
        Some(request)
    }

    /// Returns the first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Returns the method.
    pub fn method(&self) -> &str {
        self.head.split(' ').next().unwrap_or_default()
    }

    /// Returns the path and the query.
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }
}
