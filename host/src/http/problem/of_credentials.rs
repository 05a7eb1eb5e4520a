//! Requests whose credentials are missing or wrong, or allow less than the request asks for.

use hyper::StatusCode;
use hyper::header::{HeaderValue, WWW_AUTHENTICATE};

use super::Problem;
use crate::http::problem_details::FAILED_LOGINS_KIND;
use crate::tenants::Scope;

impl Problem {
    /// Returns the problem of a request without credentials. The text is Mautic's.
    pub(in crate::http) fn no_credentials() -> Self {
        Self::unauthorized("access_denied", "API authorization denied.")
    }

    /// Returns the problem of a request with a token in its URL, whatever other credentials it has.
    pub(in crate::http) fn token_in_query() -> Self {
        Self::unauthorized(
            "access_denied",
            "'access_token' is not taken from a URL, because proxies and browsers keep URLs in logs and histories. Send the token as 'Authorization: Bearer'.",
        )
    }

    /// Returns the problem of a request with wrong credentials. The text is Mautic's.
    pub(in crate::http) fn wrong_credentials() -> Self {
        Self::unauthorized("access_denied", "Authorization denied, invalid credentials.")
    }

    /// Returns the problem of a request with an unknown token. The text is Mautic's.
    pub(in crate::http) fn wrong_token() -> Self {
        Self::unauthorized("invalid_grant", "The access token provided is invalid.")
    }

    /// Returns the problem of a client that sent too many wrong credentials.
    pub(in crate::http) fn too_many_failed_logins() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            FAILED_LOGINS_KIND,
            "Too many requests with wrong credentials came from this address. Correct them, and wait for the time in Retry-After.",
        )
    }

    /// Returns whether it is that of a request for a token with wrong credentials.
    pub(in crate::http) fn is_invalid_client(&self) -> bool {
        self.kind == "invalid_client"
    }

    fn unauthorized(kind: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, kind, message)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"Bulkhead\", charset=\"UTF-8\""))
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Bulkhead\""))
    }

    /// Returns the problem of a request with an expired token. The text is Mautic's.
    pub(in crate::http) fn expired_token() -> Self {
        Self::unauthorized("invalid_grant", "The access token provided has expired.")
    }

    /// Returns a refusal of the token endpoint. For these, Mautic returns 400 and a text of its OAuth library.
    pub(in crate::http) fn oauth(kind: &'static str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, message)
    }

    /// Returns the problem of a request that a browser sends for a page of another origin, with credentials that the page does
    /// not know.
    pub(in crate::http) fn cross_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross_origin",
            "A browser sent this request with Basic credentials for a page of another origin. Nothing was stored. Let the page send a token as `Authorization: Bearer`, or call from a server.",
        )
    }

    /// Returns the problem of a form that a page of another origin sent to the console, or that nothing says where it comes from.
    pub(in crate::http) fn foreign_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross_origin",
            "A page that is not the console's sent this, or the browser does not say which page did. Nothing was changed. Open the console and do it there.",
        )
    }

    /// Returns the problem of somebody at the console whose secret only reads.
    pub(in crate::http) fn session_reads_only() -> Self {
        let message = "You are logged in to look only. Nothing was changed. Whoever runs this server can give you a secret that may change contacts.";
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", message)
    }

    /// Returns the problem of a page of the console that is for others than who is logged in.
    pub(in crate::http) fn page_of_others(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "page_of_others", message)
    }

    /// Returns the problem of a form that came when its session had ended.
    pub(in crate::http) fn session_ended() -> Self {
        let message = "Your session has ended, or its secret was revoked. Nothing was changed. Log in again.";
        Self::new(StatusCode::FORBIDDEN, "session_ended", message)
    }

    /// Returns the problem of a client whose secret has a scope that does not allow the call.
    ///
    /// `needed` are the scopes that allow it.
    pub(in crate::http) fn scope_forbids(scope: Scope, needed: &str) -> Self {
        let allowed = match scope {
            Scope::Full => "everything",
            Scope::Read => "reading",
            Scope::Submit => "sending jobs, and reading, cancelling and deleting those whose ids the client knows",
        };
        Self::insufficient_scope(format!(
            "The client's secret has the scope '{scope}', which allows {allowed}. Nothing was stored. For this call, use a secret with the scope {needed}, which the operator makes."
        ))
    }

    /// Returns the problem of a client that asks what would become of contacts that it may not see.
    pub(in crate::http) fn scope_forbids_dry_runs(scope: Scope) -> Self {
        Self::insufficient_scope(format!(
            "A dry run tells what is stored, which the scope '{scope}' of the client's secret does not allow. Nothing was stored. Use a secret with the scope 'full', which the operator makes."
        ))
    }

    /// Returns the problem of a client that asks for the rows of a dry run, which tell of contacts that it may not see.
    pub(in crate::http) fn scope_forbids_rows(scope: Scope) -> Self {
        Self::insufficient_scope(format!(
            "The rows of a dry run tell what is stored, which the scope '{scope}' of the client's secret does not allow. Leave 'details' out, or use a secret with the scope 'read' or 'full', which the operator makes."
        ))
    }

    /// As RFC 6750 wants it (section 3.1), the header says it, too.
    fn insufficient_scope(message: String) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"Bulkhead\", error=\"insufficient_scope\"");
        Self::new(StatusCode::FORBIDDEN, "insufficient_scope", message).with(WWW_AUTHENTICATE, challenge)
    }

    /// Returns the problem of an operator's request to change something, with the token that may only read.
    pub(in crate::http) fn read_only_token() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "read_only_token",
            "This operators' token may only read (--admin-read-token). Nothing was changed. Use the other one (--admin-token) for this call.",
        )
    }
}
