//! Reads the `Authorization` header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use super::problem::Problem;
use crate::tenants::Secret;

/// The credentials that a client sent.
#[derive(Debug)]
pub(super) enum Credentials {
    /// A client id and a secret.
    Basic(String, Secret),
    /// A secret or a token alone.
    Bearer(Secret),
}

impl Credentials {
    /// Reads the header. The case of the scheme does not matter.
    ///
    /// # Errors
    /// 401 if there is no header, or it cannot be read.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, Problem> {
        let value = headers.get(AUTHORIZATION).ok_or_else(Problem::no_credentials)?;
        let value = value.to_str().map_err(|_| Problem::wrong_credentials())?;
        let (scheme, rest) = value.split_once(' ').ok_or_else(Problem::wrong_credentials)?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            let pair = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = pair.ok_or_else(Problem::wrong_credentials)?;
            let (id, secret) = pair.split_once(':').ok_or_else(Problem::wrong_credentials)?;
            // No client id contains NUL, and PostgreSQL accepts none in a text.
            if id.contains('\0') {
                return Err(Problem::wrong_credentials());
            }
            Ok(Self::Basic(id.to_owned(), Secret::from_client(secret)))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Ok(Self::Bearer(Secret::from_client(rest)))
        } else {
            Err(Problem::no_credentials())
        }
    }

    pub(super) fn client_id(&self) -> Option<&str> {
        match self {
            Self::Basic(id, _) => Some(id),
            Self::Bearer(_) => None,
        }
    }

    pub(super) fn secret(&self) -> &Secret {
        match self {
            Self::Basic(_, secret) | Self::Bearer(secret) => secret,
        }
    }

    /// Returns whether browsers remember such credentials and send them with requests of any page.
    pub(super) fn are_sent_by_browsers(&self) -> bool {
        matches!(self, Self::Basic(..))
    }

    /// Returns the answer to these credentials if they are not valid.
    pub(super) fn refusal(&self) -> Problem {
        match self {
            Self::Basic(..) => Problem::wrong_credentials(),
            Self::Bearer(_) => Problem::wrong_token(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{AUTHORIZATION, HeaderValue};

    use super::Credentials;

    fn read(value: &str) -> Option<(Option<String>, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        let credentials = Credentials::from_headers(&headers).ok()?;
        Some((credentials.client_id().map(str::to_owned), credentials.secret().reveal().to_owned()))
    }

    #[test]
    fn basic_and_bearer_credentials_are_read() {
        let pair = Some((Some(String::from("id")), String::from("se:cret")));
        assert_eq!(read("Basic aWQ6c2U6Y3JldA=="), pair);
        assert_eq!(read("bAsIc aWQ6c2U6Y3JldA=="), pair);
        assert_eq!(read("Bearer abc"), Some((None, String::from("abc"))));
        for bad in ["Basic", "Basic !", "Basic aWQ=", "Digest x", "aWQ6c2U6Y3JldA=="] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert!(Credentials::from_headers(&HeaderMap::new()).is_err());
    }
}
