//! The span of a request, and the trace that the request belongs to.

use std::time::Instant;

use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, TraceState, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::Span;

use super::{TraceClock, remote_context, trace_parent, tracer};
use crate::domain::{TraceId, TraceParent};

/// Bytes of the name of a server.
const MAX_ADDRESS_BYTES: usize = 255;

/// The trace of a request, whose span begins with this.
#[derive(Debug)]
pub struct RequestTrace {
    /// Nothing if traces are off or this one is not sent.
    span: Option<Box<OpenSpan>>,
    /// The request's own span or, if traces are off, the one that the client named.
    parent: Option<TraceParent>,
}

#[derive(Debug)]
struct OpenSpan {
    method: &'static str,
    span: Span,
    clock: TraceClock,
}

/// A request and its answer, as a span tells them.
#[derive(Debug)]
pub struct AnsweredRequest<'a> {
    /// The template of the path; `None` if no path of the listener has it.
    pub route: Option<&'static str>,
    /// The status of the answer.
    pub status: u16,
    /// Whether the client uses TLS.
    pub is_secure: bool,
    /// The `Host` that the client named.
    pub host: Option<&'a str>,
    /// The client, if it is to be told.
    pub client: Option<String>,
    /// The tenant whose credentials were right.
    pub tenant: Option<&'a str>,
    /// The listener.
    pub listener: &'static str,
    /// The request's id.
    pub request_id: &'a str,
}

impl RequestTrace {
    /// Begins the span of a request with a method that HTTP knows, which names the span `parent`; `state` returns what other programs
    /// keep with that trace.
    pub fn begin(method: &'static str, parent: Option<TraceParent>, state: impl FnOnce() -> String) -> Self {
        let Some(tracer) = tracer() else { return Self { span: None, parent } };
        let remote = parent.map(|parent| remote_context(parent, state().parse::<TraceState>().unwrap_or_default()));
        let context = Context::new();
        let context = remote.map_or(context.clone(), |remote| context.with_remote_span_context(remote));
        let clock = TraceClock::start();
        let builder = SpanBuilder::from_name(method)
            .with_kind(SpanKind::Server)
            .with_start_time(clock.begun())
            .with_attributes([KeyValue::new("http.request.method", method)]);
        let span = tracer.build_with_context(builder, &context);
        let parent = trace_parent(span.span_context());
        Self { span: span.is_recording().then(|| Box::new(OpenSpan { method, span, clock })), parent }
    }

    /// Makes the trace of a request without a span of its own, which names the span `parent`.
    pub fn without_span(parent: Option<TraceParent>) -> Self {
        Self { span: None, parent }
    }

    /// Returns whether the request has a span that is sent.
    pub fn has_span(&self) -> bool {
        self.span.is_some()
    }

    /// Returns the span that belongs to the request: its own or, if traces are off, the one that the client named.
    pub fn parent(&self) -> Option<TraceParent> {
        self.parent
    }

    /// Returns the trace that the request belongs to, if that is sampled.
    pub fn sampled_trace(&self) -> Option<TraceId> {
        self.parent.and_then(TraceParent::sampled_trace)
    }

    /// Ends the span. `answered` is only asked if there is one.
    pub fn end<'a>(self, answered: impl FnOnce() -> AnsweredRequest<'a>) {
        let Some(OpenSpan { method, mut span, clock }) = self.span.map(|span| *span) else { return };
        let AnsweredRequest { route, status, is_secure, host, client, tenant, listener, request_id } = answered();
        if let Some(route) = route {
            span.update_name(format!("{method} {route}"));
        }
        let server = host.and_then(server_address);
        let is_failed = status >= 500;
        let attributes = [
            route.map(|route| KeyValue::new("http.route", route)),
            Some(KeyValue::new("http.response.status_code", i64::from(status))),
            Some(KeyValue::new("url.scheme", if is_secure { "https" } else { "http" })),
            server.map(|server| KeyValue::new("server.address", server.to_owned())),
            client.map(|client| KeyValue::new("client.address", client)),
            is_failed.then(|| KeyValue::new("error.type", status.to_string())),
            tenant.map(|tenant| KeyValue::new("bulkhead.tenant", tenant.to_owned())),
            Some(KeyValue::new("bulkhead.listener", listener)),
            Some(KeyValue::new("bulkhead.request.id", request_id.to_owned())),
        ];
        span.set_attributes(attributes.into_iter().flatten());
        if is_failed {
            span.set_status(Status::error(""));
        }
        span.end_with_timestamp(clock.time_of(Instant::now()));
    }
}

/// Returns the name or the address in a `Host`, without the port; `None` if it is none.
fn server_address(host: &str) -> Option<&str> {
    let name = match host.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => host.split(':').next()?,
    };
    let is_usable = |sign: u8| sign.is_ascii_alphanumeric() || b".-_:".contains(&sign);
    ((1..=MAX_ADDRESS_BYTES).contains(&name.len()) && name.bytes().all(is_usable)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::server_address;

    #[test]
    fn a_server_is_named_without_its_port_and_only_by_what_can_be_a_name() {
        let long = "a".repeat(256);
        for (host, expected) in [
            ("api.example", Some("api.example")),
            ("api.example:8080", Some("api.example")),
            ("127.0.0.1:80", Some("127.0.0.1")),
            ("[::1]:8080", Some("::1")),
            ("[::1]", Some("::1")),
            ("", None),
            (":80", None),
            ("a b", None),
            ("ada@example.com", None),
            ("<x>", None),
            (&long, None),
        ] {
            assert_eq!(server_address(host), expected, "{host}");
        }
    }
}
