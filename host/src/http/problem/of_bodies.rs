//! Requests whose bodies cannot be taken.

use hyper::StatusCode;
use hyper::header::{ACCEPT_ENCODING, HeaderValue};

use super::Problem;

impl Problem {
    /// Returns the problem of a body that has two items under one key.
    pub(in crate::http) fn repeated_key(key: &str) -> Self {
        const MAX_CHARACTERS: usize = 100;
        let key: String = key.chars().take(MAX_CHARACTERS).collect();
        Self::bad_request(format!(
            "The body has the key '{key}' twice. Nothing was stored. Send each contact under a key of its own, or send a list."
        ))
    }

    /// Returns the problem of a batch with too many items. The text is Mautic's.
    pub(in crate::http) fn too_many_items(limit: usize) -> Self {
        Self::bad_request(format!("A max of {limit} entities are supported at a time."))
    }

    pub(in crate::http) fn unsupported_type(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    pub(in crate::http) fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            format!("The body is larger than {limit} bytes (before or after inflating). Send it in several requests."),
        )
    }

    pub(in crate::http) fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE
    }

    pub(in crate::http) fn too_slow(seconds: u64) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            format!("The body did not arrive within {seconds} seconds. Nothing was stored; send it again."),
        )
    }

    pub(in crate::http) fn too_low_rate(bytes_per_second: u64) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            format!(
                "The body arrived at less than {bytes_per_second} bytes per second. Nothing was stored; send it again, faster or in smaller requests."
            ),
        )
    }

    pub(in crate::http) fn no_gzip() -> Self {
        Self::bad_request(
            "The body is no gzip, or it is damaged or was cut off. Nothing was stored; compress it again.",
        )
    }

    pub(in crate::http) fn too_many_gzip_members(members: u64) -> Self {
        Self::bad_request(format!(
            "The body's gzip has too many members for its size: {members}. Compress the body as a whole."
        ))
    }

    pub(in crate::http) fn no_zstd() -> Self {
        Self::bad_request(
            "The body is no zstd, or it is damaged or was cut off. Nothing was stored; compress it again.",
        )
    }

    pub(in crate::http) fn too_many_zstd_frames(frames: u64) -> Self {
        Self::bad_request(format!(
            "The body's zstd has too many frames for its size: {frames}. Compress the body as a whole."
        ))
    }

    /// Returns the problem of a body whose decoder would have to remember `window` bytes.
    pub(in crate::http) fn too_large_zstd_window(window: u64, limit: u64) -> Self {
        Self::bad_request(format!(
            "The body's zstd needs a window of {window} bytes, and at most {limit} are taken. Compress it at a level up to 19, without --ultra and --long."
        ))
    }

    /// Returns the problem of a body that is compressed in a way that no call takes.
    pub(in crate::http) fn unsupported_coding(coding: &str) -> Self {
        Self::unsupported_type(format!(
            "'{coding}' is not an encoding this call takes; send the body as it is, or as gzip or zstd."
        ))
        .with(ACCEPT_ENCODING, HeaderValue::from_static("gzip, zstd"))
    }

    /// Returns the problem of a large body that arrived slowly while other tenants' bodies waited for memory.
    pub(in crate::http) fn given_up() -> Self {
        Self::unavailable(
            "The memory for this large and slow request was needed for other requests. Nothing was stored; send it again, faster or in smaller requests.",
        )
    }
}
