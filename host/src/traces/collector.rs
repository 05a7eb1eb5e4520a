//! Sends spans to a collector, by the HTTP client and the TLS that the program has anyway.

use std::io::ErrorKind;
use std::sync::Arc;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use parking_lot::Mutex;
use ureq::tls::TlsConfig;
use ureq::{Agent, Error};

use super::settings::TraceSettings;
use crate::authorities::{is_this_machine, trusted_authorities};
use crate::plain_words::io_error;

/// Bytes of a collector's answer.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Sends requests to a collector. A request blocks the thread, which is that of the queue of spans.
#[derive(Debug)]
pub(super) struct CollectorClient {
    agent: Agent,
    /// Why the last request failed, in plain words.
    failure: Arc<Mutex<Option<String>>>,
}

impl CollectorClient {
    /// Makes a client. `failure` is told why the last request failed. It trusts the [`trusted_authorities`].
    pub(super) fn new(settings: &TraceSettings, failure: Arc<Mutex<Option<String>>>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The headers can have a secret, which is for the collector alone.
            .max_redirects(0)
            .timeout_global(Some(settings.timeout));
        // A proxy does not know the addresses of this machine.
        let is_local = settings.endpoint.host_str().is_some_and(is_this_machine);
        let config = if is_local { config.proxy(None) } else { config };
        let config = if settings.endpoint.scheme() == "https" {
            config.tls_config(TlsConfig::builder().root_certs(trusted_authorities()).build())
        } else {
            config
        };
        Self { agent: config.build().into(), failure }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let answered = self.agent.run(Request::from_parts(head, &body[..])).and_then(|response| {
            let (head, mut body) = response.into_parts();
            let body = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
            Ok(Response::from_parts(head, Bytes::from(body)))
        });
        *self.failure.lock() = match &answered {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("the collector answered {}", response.status().as_u16())),
            Err(error) => Some(in_plain_words(error)),
        };
        Ok(answered?)
    }
}

fn in_plain_words(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == ErrorKind::InvalidData => format!("TLS failed: {error}"),
        Error::Io(error) => io_error(error),
        Error::Timeout(_) => String::from("the collector does not answer in time"),
        Error::HostNotFound => String::from("no address of the collector's host can be found"),
        Error::ConnectionFailed => String::from("there is no connection to the collector"),
        Error::BodyExceedsLimit(_) => String::from("the collector's answer is too long"),
        _ => String::from("the collector's answer is no HTTP"),
    }
}
