//! A collector of OpenTelemetry, as far as a server sends traces to it: OTLP over HTTP, in protobuf.

use std::collections::BTreeMap;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::http_request::HttpRequest;
use crate::protobuf::Message;
use crate::{gunzip, wait_until};

/// A span as it was sent.
#[derive(Debug, Clone)]
pub struct TraceSpan {
    /// The name.
    pub name: String,
    /// The trace's id in hexadecimal digits.
    pub trace: String,
    /// The span's id.
    pub id: String,
    /// The parent's id; empty for a root.
    pub parent: String,
    /// The traces and spans that it is linked with.
    pub links: Vec<(String, String)>,
    /// What other programs keep with the trace.
    pub state: String,
    /// Nanoseconds since 1970.
    pub begin: u64,
    /// Nanoseconds since 1970.
    pub end: u64,
    /// The number of the kind: 2 is a server's, 5 a consumer's.
    pub kind: u64,
    /// Whether it says that something failed.
    pub is_error: bool,
    /// The attributes.
    pub attributes: BTreeMap<String, Value>,
    /// The attributes of the process that sent it.
    pub resource: BTreeMap<String, Value>,
}

impl TraceSpan {
    /// Returns an attribute, or null.
    pub fn attribute(&self, name: &str) -> Value {
        self.attributes.get(name).cloned().unwrap_or_default()
    }
}

/// What a collector does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectorAnswer {
    /// It takes the spans.
    Taken,
    /// It answers with a status, such as `503 Service Unavailable`.
    Status(&'static str),
    /// It does not answer, and keeps the connection open.
    Silence,
    /// It ends the connection in the middle of its answer.
    CutOff,
}

#[derive(Debug, Default)]
struct Received {
    spans: Vec<TraceSpan>,
    /// Heads and bodies of all requests; bodies are inflated.
    bytes: Vec<u8>,
}

/// A collector that runs until the tests end.
#[derive(Debug, Clone)]
pub struct TraceCollector {
    port: u16,
    received: Arc<Mutex<Received>>,
    answer: Arc<Mutex<CollectorAnswer>>,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl TraceCollector {
    /// Starts a collector that takes all spans.
    pub fn start() -> Self {
        Self::answering(CollectorAnswer::Taken)
    }

    /// Starts a collector that answers like this.
    pub fn answering(answer: CollectorAnswer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let answer = Arc::new(Mutex::new(answer));
        let collector =
            Self { port, received: Arc::default(), answer, connections: Arc::default(), requests: Arc::default() };
        let accepting = collector.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                accepting.connections.fetch_add(1, Ordering::SeqCst);
                let collector = accepting.clone();
                thread::spawn(move || collector.serve(stream));
            }
        });
        collector
    }

    /// Changes what it does with requests from now on.
    pub fn answer(&self, answer: CollectorAnswer) {
        *self.answer.lock() = answer;
    }

    /// Returns the URL for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns how many connections were made to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns how many requests came.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Returns the spans that came so far.
    pub fn spans(&self) -> Vec<TraceSpan> {
        self.received.lock().spans.clone()
    }

    /// Returns everything that came so far, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().bytes).into_owned()
    }

    /// Waits until the spans have what `find` looks for.
    ///
    /// # Panics
    /// If they do not in time.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, mut find: impl FnMut(&[TraceSpan]) -> Option<T>) -> T {
        wait_until(what, || find(&self.received.lock().spans))
    }

    /// Waits for a span of this name.
    #[track_caller]
    pub fn wait_for_span(&self, name: &str) -> TraceSpan {
        self.wait_for(name, |spans| spans.iter().find(|span| span.name == name).cloned())
    }

    /// Waits for the root of a run of a job.
    #[track_caller]
    pub fn run_of(&self, job: &str) -> TraceSpan {
        self.wait_for("the trace of a job", |spans| {
            spans.iter().find(|span| span.name == "job" && span.attribute("bulkhead.job.id") == job).cloned()
        })
    }

    /// Returns the children of a span, in the order in which they began.
    pub fn children(&self, of: &TraceSpan) -> Vec<TraceSpan> {
        let spans = self.spans();
        let mut children: Vec<_> =
            spans.into_iter().filter(|span| span.parent == of.id && span.trace == of.trace).collect();
        children.sort_by_key(|span| (span.begin, span.end));
        children
    }

    fn serve(&self, mut stream: TcpStream) {
        let Ok(mut reader) = stream.try_clone().map(BufReader::new) else { return };
        while let Some(request) = HttpRequest::receive(&mut reader) {
            self.requests.fetch_add(1, Ordering::SeqCst);
            let answer = *self.answer.lock();
            let answered = match answer {
                CollectorAnswer::Taken => {
                    self.take(&request);
                    stream.write_all(
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
                    )
                }
                CollectorAnswer::Status(status) => {
                    stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").as_bytes())
                }
                CollectorAnswer::Silence => loop {
                    thread::park();
                },
                CollectorAnswer::CutOff => {
                    drop(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le"));
                    return;
                }
            };
            if answered.is_err() {
                return;
            }
        }
    }

    fn take(&self, request: &HttpRequest) {
        assert_eq!((request.method(), request.path()), ("POST", "/v1/traces"));
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        let inflated = match request.header("content-encoding") {
            Some("gzip") => gunzip(&request.body).expect("gzip"),
            _ => request.body.clone(),
        };
        let mut received = self.received.lock();
        received.bytes.extend_from_slice(request.head.as_bytes());
        received.bytes.extend_from_slice(&inflated);
        for of_resource in Message::parse(&inflated).messages(1) {
            let resource = attributes(of_resource.messages(1).iter().flat_map(|resource| resource.messages(1)));
            for span in of_resource.messages(2).iter().flat_map(|scope| scope.messages(2)) {
                received.spans.push(span_of(&span, &resource));
            }
        }
    }
}

/// Reads a span, whose fields have the numbers of `opentelemetry/proto/trace/v1/trace.proto`.
fn span_of(span: &Message, resource: &BTreeMap<String, Value>) -> TraceSpan {
    TraceSpan {
        trace: hex(span.bytes(1)),
        id: hex(span.bytes(2)),
        state: span.text(3),
        parent: hex(span.bytes(4)),
        name: span.text(5),
        kind: span.number(6),
        begin: span.number(7),
        end: span.number(8),
        attributes: attributes(span.messages(9).into_iter()),
        links: span.messages(13).iter().map(|link| (hex(link.bytes(1)), hex(link.bytes(2)))).collect(),
        is_error: span.messages(15).iter().any(|status| status.number(3) == 2),
        resource: resource.clone(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(list: impl Iterator<Item = Message>) -> BTreeMap<String, Value> {
    let value = |value: &Message| match value.fields().next() {
        Some(1) => json!(value.text(1)),
        Some(2) => json!(value.number(2) == 1),
        Some(3) => json!(value.number(3)),
        Some(4) => json!(f64::from_bits(value.number(4))),
        other => panic!("no attribute of a server has a value of the kind {other:?}"),
    };
    list.map(|attribute| {
        let found = attribute.messages(2).first().map(value).unwrap_or_default();
        (attribute.text(1), found)
    })
    .collect()
}
