//! How bodies and answers are compressed: `Content-Encoding` of requests, `Accept-Encoding` for answers.

use std::cmp::Reverse;

use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue};

use super::accept::quality;
use super::problem::Problem;

/// The ways to compress that a client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accepted {
    /// The way that the client prefers.
    pub(super) best: Coding,
    /// The other one, if the client accepts it, too.
    pub(super) other: Option<Coding>,
}

/// A way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Zstd,
}

impl Coding {
    /// Returns how the body of a request is compressed, if it is.
    ///
    /// # Errors
    /// 415 if it is compressed in another way, or more than once.
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            let name = value.to_str().unwrap_or("?").trim();
            let coding = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                name => Self::named(name),
            };
            if coding.is_none() || found.is_some() {
                return Err(Problem::unsupported_coding(name));
            }
            found = coding;
        }
        Ok(found)
    }

    /// Returns the value of `Content-Encoding`.
    pub(super) fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }

    /// Returns the way of a name in lower case.
    fn named(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

impl Accepted {
    /// Returns how a client wants answers to be compressed, if it does: in the way of the highest quality, and in zstd rather than
    /// in gzip if both have the same. A client that does not say it gets answers as they are.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let (mut zstd, mut gzip, mut identity, mut any) = (None, None, None, None);
        for range in values.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = quality(parts);
            match name.as_str() {
                "identity" => identity = Some(quality),
                "*" => any = Some(quality),
                name => match Coding::named(name) {
                    Some(Coding::Zstd) => zstd = Some(quality),
                    Some(Coding::Gzip) => gzip = gzip.max(Some(quality)),
                    None => {}
                },
            }
        }
        let (zstd, gzip) = (zstd.or(any).unwrap_or(0), gzip.or(any).unwrap_or(0));
        // Who does not name it takes it only if there is nothing else.
        let least = identity.unwrap_or(0).max(1);
        let mut wanted = [(zstd, Coding::Zstd), (gzip, Coding::Gzip)];
        wanted.sort_by_key(|(quality, _)| Reverse(*quality));
        let mut wanted = wanted.into_iter().filter(|(quality, _)| *quality >= least).map(|(_, coding)| coding);
        Some(Self { best: wanted.next()?, other: wanted.next() })
    }
}

#[cfg(test)]
mod tests {
    use hyper::HeaderMap;
    use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName, HeaderValue};

    use super::{Accepted, Coding};

    fn headers(name: HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_body_is_compressed_once_at_most() {
        for (values, expected) in [
            (&[][..], Some(None)),
            (&["identity"], Some(None)),
            (&[""], Some(None)),
            (&["gzip"], Some(Some(Coding::Gzip))),
            (&["X-GZip"], Some(Some(Coding::Gzip))),
            (&[" ZSTD "], Some(Some(Coding::Zstd))),
            (&["identity", "zstd"], Some(Some(Coding::Zstd))),
            (&["gzip", "zstd"], None),
            (&["gzip, gzip"], None),
            (&["br"], None),
            (&["zstd;q=1"], None),
        ] {
            assert_eq!(Coding::of_request(&headers(CONTENT_ENCODING, values)).ok(), expected, "{values:?}");
        }
    }

    #[test]
    fn answers_are_compressed_as_clients_prefer() {
        let gzip = Some((Coding::Gzip, None));
        let zstd_or_gzip = Some((Coding::Zstd, Some(Coding::Gzip)));
        let gzip_or_zstd = Some((Coding::Gzip, Some(Coding::Zstd)));
        for (values, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&["br, deflate"], None),
            (&["gzip"], gzip),
            (&["x-gzip"], gzip),
            (&["gzip, deflate, br, zstd"], zstd_or_gzip),
            (&["zstd", "gzip"], zstd_or_gzip),
            (&["zstd"], Some((Coding::Zstd, None))),
            (&["gzip;q=1.0, zstd;q=0.9"], gzip_or_zstd),
            (&["gzip;q=1.0, zstd;q=0.4, identity;q=0.5"], gzip),
            (&["zstd;q=0, gzip;q=0.001"], gzip),
            (&["gzip;q=0"], None),
            (&["*"], zstd_or_gzip),
            (&["zstd;q=0, *"], gzip),
            (&["*;q=0"], None),
            (&["*;q=0, gzip"], gzip),
            (&["gzip;q=0.5, identity"], None),
            (&["gzip;q=0.5, identity;q=0.5"], gzip),
            (&["identity;q=0, gzip"], gzip),
            (&["gzip;q=2"], None),
            (&["gzip;Q=0.4, identity;q=0.5"], None),
        ] {
            let accepted = Accepted::of(&headers(ACCEPT_ENCODING, values));
            assert_eq!(accepted.map(|accepted| (accepted.best, accepted.other)), expected, "{values:?}");
        }
    }
}
