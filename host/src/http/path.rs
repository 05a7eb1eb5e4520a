//! The path of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Returns a path without its percent-encoding. Returns `None` if the encoding is wrong, or stands for a slash, which would make
/// another path of it.
pub(super) fn decoded_path(path: &str) -> Option<Cow<'_, str>> {
    let is_right = |code: &str| {
        let digits = code.get(..2).unwrap_or_default();
        digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && !digits.eq_ignore_ascii_case("2f")
    };
    path.split('%').skip(1).all(is_right).then(|| percent_decode_str(path).decode_utf8().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::decoded_path;

    #[test]
    fn a_path_is_decoded_once() {
        for (path, expected) in [
            ("/api/contacts/1", Some("/api/contacts/1")),
            ("/api/contacts/%31", Some("/api/contacts/1")),
            ("/a%20b/%C3%bc", Some("/a b/ü")),
            ("/%2531", Some("/%31")),
            ("/a%2Fb", None),
            ("/a%2fb", None),
            ("/%", None),
            ("/%3", None),
            ("/%3/1", None),
            ("/%zz", None),
            ("/%FF", None),
        ] {
            assert_eq!(decoded_path(path).as_deref(), expected, "{path}");
        }
    }
}
