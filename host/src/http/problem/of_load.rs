//! Requests for which there is no room, or which come too often.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};

use super::Problem;
use crate::http::problem_details::{QUOTA_EXCEEDED_KIND, TOO_MANY_CONNECTIONS_KIND};

/// The `Retry-After` of a request that was refused because the server or the store is overloaded or unavailable, in seconds.
const RETRY_AFTER_SECONDS: u64 = 5;

impl Problem {
    /// Returns the problem of a request for which no connection is left.
    pub(in crate::http) fn all_connections_busy() -> Self {
        Self::unavailable(
            "All connections of the server are busy with other requests. Nothing was stored; send it again.",
        )
    }

    /// Returns the problem of a tenant that has too many requests in progress, over all its connections.
    pub(in crate::http) fn too_many_requests() -> Self {
        Self::unavailable(
            "This tenant has as many requests in progress as one tenant may have. Nothing was stored; send fewer at once.",
        )
    }

    /// Returns the problem of a tenant that has too many requests that wait for jobs.
    pub(in crate::http) fn too_many_waits() -> Self {
        Self::unavailable(
            "This tenant has as many requests that wait for jobs as one tenant may have. Close some, or ask for the job's state without waiting.",
        )
    }

    /// Returns the problem of a client that has too many connections, or too many requests in progress behind a proxy.
    pub(in crate::http) fn too_many_connections() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            TOO_MANY_CONNECTIONS_KIND,
            "Too many connections or requests at once from this address. Nothing was stored; close some, and send it again.",
        )
        .retry()
    }

    pub(in crate::http) fn unavailable(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).retry()
    }

    /// Returns the problem of a call of a tenant that has `limit` calls already, none of which ended in time.
    pub(in crate::http) fn too_many_calls(limit: usize) -> Self {
        Self::unavailable(&format!(
            "This tenant has {limit} batch or single requests in progress already, which is the limit. Nothing was stored. Send fewer at once, or use the bulk endpoints."
        ))
    }

    /// Returns the problem of a call that got no place among the calls of all tenants.
    pub(super) fn no_permit() -> Self {
        Self::unavailable(
            "The server had no place for this batch or single request, as too many others run or wait. Nothing was stored; send it again later, or use the bulk endpoints.",
        )
    }

    pub(super) fn busy() -> Self {
        Self::unavailable("The server has no room for this request now. Nothing was stored; send it again.")
    }

    pub(super) fn still_compiling() -> Self {
        Self::unavailable(
            "The server is still preparing the component that decides on this tenant's contacts. Nothing was stored; send the request again.",
        )
    }

    pub(in crate::http) fn too_many_large_requests() -> Self {
        Self::unavailable(
            "Too many large requests at once. Nothing was stored; send it again later, or in smaller requests.",
        )
    }

    /// Returns the problem of a request whose answer has no room beside the tenant's answers that wait to be taken.
    pub(in crate::http) fn too_many_large_answers() -> Self {
        Self::unavailable(
            "Too many large answers wait until their clients take them. Take answers faster, or ask for less at once with 'limit'; then send the request again.",
        )
    }

    pub(in crate::http) fn shutting_down() -> Self {
        Self::unavailable("The server is shutting down. Nothing was stored; send the request again.")
    }

    /// Returns the problem of a tenant that exceeds a rate.
    pub(super) fn too_often(message: String, retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs().saturating_add(1);
        Self::new(StatusCode::TOO_MANY_REQUESTS, QUOTA_EXCEEDED_KIND, message)
            .with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub(super) fn retry(self) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
    }
}
