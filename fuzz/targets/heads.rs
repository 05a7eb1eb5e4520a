//! Follows any bytes of a connection as a server does. The first byte says where the others are cut in two: the cut must change
//! nothing. Each head that is accepted must end where hyper's parser ends it.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/src/http/head_scanner.rs"]
#[expect(dead_code, reason = "the server uses more of it")]
mod head_scanner;

use head_scanner::{HeadError, HeadScanner, MAX_HEADERS};

fuzz_target!(|bytes: &[u8]| {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let (first, second) = bytes.split_at(usize::from(*cut).min(bytes.len()));
    assert_eq!(follow(&[bytes]), follow(&[first, second]), "the cut matters");
    let mut scanner = HeadScanner::new();
    let (mut begin, mut was_in_head) = (0, false);
    for (place, byte) in bytes.iter().enumerate() {
        if scanner.follow(std::slice::from_ref(byte)).is_err() {
            return;
        }
        let is_in_head = scanner.head_bytes() > 0;
        if is_in_head && !was_in_head {
            begin = place;
        }
        if was_in_head && !is_in_head {
            compare(bytes.get(begin..).unwrap_or_default(), place + 1 - begin);
        }
        was_in_head = is_in_head;
    }
});

/// Follows pieces. Returns the place of the first wrong byte and what is wrong.
fn follow(pieces: &[&[u8]]) -> Result<(), (usize, HeadError)> {
    let mut scanner = HeadScanner::new();
    let mut before = 0;
    for piece in pieces {
        scanner.follow(piece).map_err(|(place, error)| (before + place, error))?;
        before += piece.len();
    }
    Ok(())
}

/// Compares the end of an accepted head with hyper's parser.
fn compare(bytes: &[u8], length: usize) {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let parsed = httparse::Request::new(&mut headers).parse(bytes);
    assert_eq!(parsed, Ok(httparse::Status::Complete(length)), "{:?}", String::from_utf8_lossy(bytes));
}
