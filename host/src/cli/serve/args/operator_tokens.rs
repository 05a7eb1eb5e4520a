//! The options with which operators authenticate.

use bulkhead::http::OperatorTokens;
use bulkhead::tenants::Secret;

use super::ServeArgs;

/// Bytes that the operators' token has at least.
const MIN_ADMIN_TOKEN_BYTES: usize = 32;
/// How a token is made, up to how it is given.
const MAKE_TOKEN: &str = "make one with 'openssl rand -hex 32', and give it by";

impl ServeArgs {
    /// Returns the tokens of operators; `None` if there is no listener where they authenticate, or no token for everything.
    ///
    /// # Errors
    /// If the operators' listener lacks a token for everything, a token is too short or is no text for a header, or both are the
    /// same.
    pub(in crate::cli::serve) fn operator_tokens(&self) -> Result<Option<OperatorTokens>, String> {
        if self.listening.admin_listen.is_none() && !self.listening.console_has_operators() {
            return Ok(None);
        }
        let way = "--admin-token-file or BULKHEAD_ADMIN_TOKEN";
        let Some(full) = admin_token(self.admin_token.as_deref(), "operators'", way)? else {
            return if self.listening.admin_listen.is_some() {
                Err(format!("--admin-listen needs a token with which operators authenticate; {MAKE_TOKEN} {way}"))
            } else if self.admin_read_token.is_some() {
                Err(format!("--admin-read-token needs another token beside it, for everything; {MAKE_TOKEN} {way}"))
            } else {
                Ok(None)
            };
        };
        let way = "--admin-read-token-file or BULKHEAD_ADMIN_READ_TOKEN";
        let read = admin_token(self.admin_read_token.as_deref(), "reading operators'", way)?;
        if read.as_ref().is_some_and(|read| read.hash() == full.hash()) {
            return Err(format!(
                "the operators' token and that of those who only read are the same; {MAKE_TOKEN} {way}"
            ));
        }
        Ok(Some(OperatorTokens { full, read }))
    }
}

/// Returns a token of operators, if there is one.
///
/// # Errors
/// If it is too short, or has signs that no client can send.
fn admin_token(token: Option<&str>, whose: &str, way: &str) -> Result<Option<Secret>, String> {
    match token {
        Some(token) if !token.bytes().all(|byte| byte.is_ascii_graphic()) => Err(format!(
            "the {whose} token has blanks or signs beyond ASCII, and no client can send those; {MAKE_TOKEN} {way}"
        )),
        Some(token) if token.len() < MIN_ADMIN_TOKEN_BYTES => {
            Err(format!("the {whose} token must have at least {MIN_ADMIN_TOKEN_BYTES} characters; {MAKE_TOKEN} {way}"))
        }
        token => Ok(token.map(Secret::from_client)),
    }
}
