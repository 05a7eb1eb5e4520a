//! Servers that take webhooks.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::Value;

use crate::DEADLINE;
use crate::http_request::HttpRequest;

/// A message as it was received.
#[derive(Debug, Clone)]
pub struct WebhookMessage {
    /// The path and the query of the request.
    pub path: String,
    /// The body of the request.
    pub body: String,
    request: HttpRequest,
}

impl WebhookMessage {
    /// Returns the value of a header, which must be there.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.request.header(name).unwrap_or_else(|| panic!("no {name}: {}", self.request.head))
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A server that takes webhooks, one after the other.
#[derive(Debug)]
pub struct WebhookReceiver {
    port: u16,
    /// The messages that came, in order.
    pub messages: Receiver<WebhookMessage>,
}

impl WebhookReceiver {
    /// Starts a receiver, whose answers are what `answer` makes of the number of the message, from 0. The connection of an empty
    /// answer ends without one.
    pub fn start(answer: impl Fn(usize, &WebhookMessage) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (send, messages) = mpsc::channel();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                let Some(got) = receive(&stream) else { continue };
                let answer = answer(number, &got);
                if send.send(got).is_err() {
                    return;
                }
                drop(stream.write_all(answer.as_bytes()));
            }
        });
        Self { port, messages }
    }

    /// Starts a receiver that answers each message with a status, such as `200 OK`.
    pub fn answering(status: &'static str) -> Self {
        Self::start(move |_, _| answer_without_body(status))
    }

    /// Returns the URL for an endpoint.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?a=b", self.port)
    }

    /// Waits for the next message.
    #[track_caller]
    pub fn next(&self) -> WebhookMessage {
        self.messages.recv_timeout(DEADLINE).expect("a message")
    }
}

/// Returns the answer of a receiver that has a status, such as `200 OK`, and no body.
pub fn answer_without_body(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")
}

fn receive(stream: &TcpStream) -> Option<WebhookMessage> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let request = HttpRequest::receive(&mut BufReader::new(stream))?;
    let (path, body) = (request.path().to_owned(), String::from_utf8(request.body.clone()).ok()?);
    Some(WebhookMessage { path, body, request })
}
