//! From bytes to text.

use std::borrow::Cow;

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::error::{ImportError, shown};
use super::other_kind::OtherKind;

/// Bytes that are decoded at a time.
const PIECE_BYTES: usize = 64 << 10;

/// Decodes a file. Without a name for the charset, a file is UTF-8, or UTF-16 with a byte order mark.
///
/// # Errors
/// If the file is no text, or not of the charset.
pub fn decode<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, ImportError> {
    decode_within(bytes, charset, usize::MAX)
}

/// Decodes a file as [`decode`] does, to at most `limit` bytes of UTF-8.
///
/// # Errors
/// As [`decode`], and if the text is larger.
pub fn decode_within<'a>(bytes: &'a [u8], charset: Option<&str>, limit: usize) -> Result<Cow<'a, str>, ImportError> {
    if let Some(kind) = OtherKind::of_bytes(bytes) {
        return Err(ImportError::NotText(kind));
    }
    let named = charset.map(|name| {
        Encoding::for_label(name.trim().as_bytes()).ok_or_else(|| ImportError::UnknownCharset(shown(name)))
    });
    let text = match (Encoding::for_bom(bytes), named.transpose()?) {
        (Some((encoding, mark)), _) => decode_as(encoding, bytes.get(mark..).unwrap_or_default(), limit)?,
        // By accident, hardly any text of another charset is UTF-8, too.
        (None, Some(encoding)) if encoding.is_single_byte() && !bytes.is_ascii() && str::from_utf8(bytes).is_ok() => {
            return Err(ImportError::IsUtf8(encoding.name()));
        }
        (None, Some(encoding)) => decode_as(encoding, bytes, limit)?,
        // Text in UTF-16 without a mark has a zero in its first letter.
        (None, None) if bytes.get(1) == Some(&0) => decode_as(UTF_16LE, bytes, limit)?,
        (None, None) if bytes.first() == Some(&0) => decode_as(UTF_16BE, bytes, limit)?,
        (None, None) => decode_as(UTF_8, bytes, limit)?,
    };
    if let Some(kind) = OtherKind::of_text(&text) {
        return Err(ImportError::NotText(kind));
    }
    if text.trim().is_empty() { Err(ImportError::Empty) } else { Ok(text) }
}

fn decode_as<'a>(encoding: &'static Encoding, bytes: &'a [u8], limit: usize) -> Result<Cow<'a, str>, ImportError> {
    if encoding == UTF_8 {
        return std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
            let (before, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((bytes, &[]));
            let line = line_after(before);
            ImportError::NotUtf8 { byte: rest.first().copied().unwrap_or_default(), line }
        });
    }
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::new();
    let mut pieces = bytes.chunks(PIECE_BYTES).peekable();
    while let Some(piece) = pieces.next() {
        // A piece of a text fits into as many bytes as this says.
        text.reserve(decoder.max_utf8_buffer_length_without_replacement(piece.len()).unwrap_or_default());
        let (result, _) = decoder.decode_to_string_without_replacement(piece, &mut text, pieces.peek().is_none());
        match result {
            DecoderResult::InputEmpty if text.len() <= limit => {}
            DecoderResult::InputEmpty => return Err(ImportError::LargeText(limit)),
            DecoderResult::Malformed(_, _) | DecoderResult::OutputFull => {
                return Err(ImportError::NotOfCharset(encoding.name()));
            }
        }
    }
    Ok(Cow::Owned(text))
}

/// Returns the number of the line that follows these bytes, from 1. Lines end as in a table: with CR, LF or both.
pub(super) fn line_after(before: &[u8]) -> usize {
    let breaks = before.iter().enumerate().filter(|(place, byte)| match byte {
        b'\n' => true,
        b'\r' => before.get(place + 1) != Some(&b'\n'),
        _ => false,
    });
    breaks.count() + 1
}

#[cfg(test)]
mod tests {
    use super::{ImportError, decode, decode_within};

    #[test]
    fn text_is_decoded_as_it_says_or_as_it_is_named() {
        let utf16 = |mark: &[u8], to_bytes: fn(u16) -> [u8; 2]| {
            let units = "ü,€\n".encode_utf16().flat_map(to_bytes);
            mark.iter().copied().chain(units).collect::<Vec<u8>>()
        };
        for (bytes, charset, expected) in [
            ("ü,€\n".as_bytes().to_vec(), None, "ü,€\n"),
            ("\u{feff}ü,€\n".as_bytes().to_vec(), None, "ü,€\n"),
            ("\u{feff}ü,€\n".as_bytes().to_vec(), Some("iso-8859-1"), "ü,€\n"),
            (utf16(b"\xff\xfe", u16::to_le_bytes), None, "ü,€\n"),
            (utf16(b"\xfe\xff", u16::to_be_bytes), None, "ü,€\n"),
            (utf16(b"", u16::to_le_bytes), Some("utf-16"), "ü,€\n"),
            (b"a\0,\0b\0".to_vec(), None, "a,b"),
            (b"\0a\0,\0b".to_vec(), None, "a,b"),
            (b"\xfc,\x80\n".to_vec(), Some("windows-1252"), "ü,€\n"),
            (b"\xfc,\x80\n".to_vec(), Some(" Latin1 "), "ü,€\n"),
            (b"\x8a\n".to_vec(), Some("macintosh"), "ä\n"),
        ] {
            assert_eq!(decode(&bytes, charset).as_deref(), Ok(expected), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_a_cure() {
        for (bytes, charset, part) in [
            (&b""[..], None, "empty"),
            (b" \r\n ", None, "empty"),
            (b"PK\x03\x04xl/workbook.xml", None, "an Excel workbook (.xlsx). Open it in Excel"),
            (b"PK\x03\x04", None, "spreadsheet"),
            (b"\xd0\xcf\x11\xe0\xa1", None, ".xls"),
            (b"%PDF-1.7", None, "PDF"),
            (b"\x1f\x8b\x08", None, "Content-Encoding: gzip"),
            (b"\x28\xb5\x2f\xfd", None, "zstd"),
            (b"\n <!DOCTYPE html>", None, "web page"),
            (b"<html><body>", None, "web page"),
            (b"a,b\r\nM\x96ller", None, "0x96 in line 2"),
            (b"a\rb\rM\x96", None, "line 3"),
            (b"a", Some("klingon"), "'klingon'"),
            (b"\xff\xff", Some("shift_jis"), "not Shift_JIS"),
            (b"a\nM\xc3\xbcller", Some("windows-1252"), "is UTF-8"),
            (b"a\nM\xc3\xbcller", Some("latin1"), "Leave the charset out"),
        ] {
            let error = decode(bytes, charset).unwrap_err();
            assert!(error.to_string().contains(part), "{bytes:?}: {error}");
        }
        assert!(matches!(decode(b"\xff", None), Err(ImportError::NotUtf8 { byte: 0xff, line: 1 })));
    }

    #[test]
    fn a_text_that_grows_when_it_is_decoded_is_bounded() {
        let bytes = b"\x80".repeat(100_000);
        let decode = |limit| decode_within(&bytes, Some("windows-1252"), limit);
        assert_eq!(decode(300_000).as_deref(), Ok("€".repeat(100_000).as_str()));
        assert_eq!(decode(299_999), Err(ImportError::LargeText(299_999)));
        // A character of several bytes may be cut by a piece.
        let text: String = format!("x{}", "語".repeat(50_000));
        let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(&text);
        assert_eq!(decode_within(&bytes, Some("shift_jis"), 200_000).as_deref(), Ok(text.as_str()));
        assert!(decode_within(&bytes[..bytes.len() - 1], Some("shift_jis"), 200_000).is_err());
    }
}
