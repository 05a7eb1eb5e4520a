//! What the scanner lets through, hyper must read in the same way.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{HeadError, HeadScanner, MAX_HEAD_BYTES, MAX_HEADERS, State};
use crate::http::connections::Connection;
use crate::http::guarded_stream::GuardedStream;

/// A request: method and path, and the body; `None` if the body broke off.
type Seen = (String, Option<Vec<u8>>);

/// Returns the requests that the scanner finds in `bytes`, and why it stops.
fn scanned(bytes: &[u8]) -> (Vec<Seen>, Option<HeadError>) {
    let mut scanner = HeadScanner::new();
    let mut seen: Vec<Seen> = Vec::new();
    let (mut head, mut body) = (Vec::new(), Vec::new());
    for &byte in bytes {
        let state = scanner.state;
        if let Err((place, error)) = scanner.follow(&[byte]) {
            assert_eq!(place, 0);
            return (seen, Some(error));
        }
        match state {
            State::Body(_) | State::ChunkData(_) => body.push(byte),
            _ => head.push(byte),
        }
        if state == State::HeadLf {
            let text = String::from_utf8_lossy(&head).into_owned();
            let line = text.trim_start().lines().next().unwrap_or_default().to_owned();
            seen.push((line.rsplit_once(' ').unwrap().0.to_owned(), None));
            (head, body) = (Vec::new(), Vec::new());
        }
        if scanner.state == State::Start && state != State::Start && state != State::StartLf {
            seen.last_mut().unwrap().1 = Some(std::mem::take(&mut body));
            head.clear();
        }
    }
    (seen, None)
}

/// Sends `bytes` to hyper through a guarded stream, in pieces of at most `piece` bytes. Returns the requests that hyper finds,
/// and what it answers.
fn served(bytes: &[u8], piece: usize) -> (Vec<Seen>, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let connection = Arc::new(Connection::new(None, false, Instant::now()));
    let (server, client) = tokio::io::duplex(piece);
    let service = service_fn(|request: Request<Incoming>| {
        connection.begin_request(Instant::now());
        let (seen, connection) = (Arc::clone(&seen), Arc::clone(&connection));
        async move {
            let target = request.uri().to_string();
            let line = format!("{} {target}", request.method());
            let body = request.into_body().collect().await.ok().map(|body| body.to_bytes().to_vec());
            seen.lock().unwrap().push((line, body));
            connection.answered();
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ok"))))
        }
    });
    let stream = GuardedStream::new(server, Arc::clone(&connection));
    let mut protocol = http1::Builder::new();
    protocol.max_headers(MAX_HEADERS).max_buf_size(MAX_HEAD_BYTES);
    let serve = async { drop(protocol.serve_connection(TokioIo::new(stream), service).await) };
    let (mut reader, mut writer) = tokio::io::split(client);
    let send = async move {
        // The server may stop reading.
        drop(writer.write_all(bytes).await);
        // hyper gives up a request that it has not answered when the client stops sending.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        drop(writer.shutdown().await);
    };
    let receive = async move {
        let mut answer = Vec::new();
        drop(reader.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let ((), (), answer) = runtime.block_on(async { tokio::join!(serve, send, receive) });
    let seen = seen.lock().unwrap().clone();
    (seen, answer)
}

fn agree(bytes: &[u8], piece: usize) -> Result<(), TestCaseError> {
    let (scanned, _) = scanned(bytes);
    let (served, _) = served(bytes, piece);
    prop_assert!(served.len() <= scanned.len(), "hyper: {served:?}; scanner: {scanned:?}");
    for (place, (hyper, scanner)) in served.iter().zip(&scanned).enumerate() {
        // hyper refuses some trailers that the scanner lets through, and ends the connection.
        let is_refused = hyper.1.is_none() && place + 1 == served.len();
        let is_same = hyper.0 == scanner.0 && (is_refused || hyper.1 == scanner.1);
        prop_assert!(is_same, "hyper: {served:?}; scanner: {scanned:?}");
    }
    Ok(())
}

/// Pieces of requests, right and wrong.
fn fragment() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        &b"GET / HTTP/1.1\r\n"[..],
        b"POST /a?b HTTP/1.1\r\nHost: x\r\n",
        b"PUT /a HTTP/1.0\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n",
        b"GET /  HTTP/1.1\r\n",
        b"GET / HTTP/1.1\n",
        b"Host: x\r\n",
        b"Host : x\r\n",
        b"Host: x\n",
        b"Content-Length: 3\r\n",
        b"content-length:0\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length: 3, 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"transfer-encoding:CHUNKED \r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Connection: keep-alive\r\n",
        b"Expect: 100-continue\r\n",
        b"Upgrade: h2c\r\n",
        b" folded\r\n",
        b"X: \x80\xff\t\r\n",
        b"X: a\rb\r\n",
        b"X: \0\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"abc",
        b"3\r\nabc\r\n",
        b"3 \t;x=y\r\nabc\r\n",
        b"3;\n\r\nabc\r\n",
        b"0\r\n",
        b"0\r\n\r\n",
        b"00\r\nT: v\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ])
}

/// Requests that are right, one after another.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    let request = (body, 0..3).prop_map(|(body, form)| {
        let mut bytes = b"POST /p HTTP/1.1\r\nhost: x\r\nauthorization: Bearer y\r\n".to_vec();
        if form == 0 {
            bytes.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
            bytes.extend(body);
        } else {
            bytes.extend(b"transfer-encoding: chunked\r\n\r\n");
            for chunk in body.chunks(7) {
                bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(if form == 1 { &b"0\r\n\r\n"[..] } else { b"0;e\r\nt: v\r\n\r\n" });
        }
        bytes
    });
    prop::collection::vec(request, 1..5).prop_map(|requests| requests.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn hyper_sees_the_requests_that_the_scanner_sees(
        fragments in prop::collection::vec(fragment(), 0..20),
        piece in 1_usize..200,
    ) {
        agree(&fragments.concat(), piece)?;
    }

    #[test]
    fn requests_that_are_right_are_all_served(bytes in requests(), piece in 1_usize..200) {
        let (scanned, error) = scanned(&bytes);
        prop_assert_eq!(error, None);
        prop_assert_eq!(served(&bytes, piece).0, scanned);
    }

    #[test]
    fn damaged_requests_are_read_in_one_way(
        bytes in requests(),
        damages in prop::collection::vec((any::<prop::sample::Index>(), fragment(), 0_usize..3), 1..4),
        piece in 1_usize..200,
    ) {
        let mut bytes = bytes;
        for (place, fragment, removed) in damages {
            let from = place.index(bytes.len());
            let to = (from + removed).min(bytes.len());
            let inserted = if removed == 2 { fragment } else { &fragment[..1] };
            bytes.splice(from..to, inserted.iter().copied());
        }
        agree(&bytes, piece)?;
    }
}

#[test]
fn heads_that_can_be_read_in_two_ways_are_refused() {
    let first = "GET / HTTP/1.1\r\n";
    let many = "x: y\r\n".repeat(MAX_HEADERS);
    let long = format!("x: {}\r\n", "y".repeat(MAX_HEAD_BYTES));
    let with_host = |more: &str| format!("{first}host: x\r\n{more}\r\n");
    for (bytes, error) in [
        (with_host("x: y\n"), HeadError::BareLf),
        (String::from("GET / HTTP/1.1\nhost: x\r\n\r\n"), HeadError::BareLf),
        (format!("{first}host: x\r\n\n"), HeadError::BareLf),
        (String::from("\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"), HeadError::BareLf),
        (with_host("x: a\rb\r\n"), HeadError::Control),
        (with_host("x: a\0b\r\n"), HeadError::Control),
        (with_host("x: a\x7fb\r\n"), HeadError::Control),
        (with_host("x : y\r\n"), HeadError::Name),
        (with_host(": y\r\n"), HeadError::Name),
        (with_host("x\r\n"), HeadError::Name),
        (with_host("x: y\r\n z\r\n"), HeadError::Folded),
        (format!("{first} x: y\r\nhost: x\r\n\r\n"), HeadError::Folded),
        (format!("{first}\r\n"), HeadError::NoHost),
        (with_host("HOST: x\r\n"), HeadError::RepeatedHost),
        (with_host("authorization: a\r\nAuthorization: a\r\n"), HeadError::RepeatedAuthorization),
        (with_host("content-length: 1\r\ncontent-length: 1\r\n"), HeadError::RepeatedLength),
        (with_host("content-length: 1\r\ncontent-length: 2\r\n"), HeadError::RepeatedLength),
        (with_host("content-length: +1\r\n"), HeadError::Length),
        (with_host("content-length: 1, 1\r\n"), HeadError::Length),
        (with_host("content-length:\r\n"), HeadError::Length),
        (with_host(&format!("content-length: {}\r\n", "9".repeat(30))), HeadError::Length),
        (with_host("transfer-encoding: gzip, chunked\r\n"), HeadError::Coding),
        (with_host("transfer-encoding: chunked, chunked\r\n"), HeadError::Coding),
        (with_host("transfer-encoding: xchunked\r\n"), HeadError::Coding),
        (with_host("transfer-encoding: identity\r\n"), HeadError::Coding),
        (with_host("transfer-encoding:\r\n"), HeadError::Coding),
        (with_host("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"), HeadError::Coding),
        (String::from("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n"), HeadError::Coding),
        (with_host("content-length: 1\r\ntransfer-encoding: chunked\r\n"), HeadError::LengthAndCoding),
        (with_host("transfer-encoding: chunked\r\ncontent-length: 1\r\n"), HeadError::LengthAndCoding),
        (String::from("GET  / HTTP/1.1\r\nhost: x\r\n\r\n"), HeadError::RequestLine),
        (String::from("GET /a b HTTP/1.1\r\nhost: x\r\n\r\n"), HeadError::RequestLine),
        (String::from("GET / HTTP/2.0\r\nhost: x\r\n\r\n"), HeadError::RequestLine),
        (String::from("GET /?search=\"ada\" HTTP/1.1\r\nhost: x\r\n\r\n"), HeadError::Unencoded),
        (String::from("GET /<b> HTTP/1.1\r\nhost: x\r\n\r\n"), HeadError::Unencoded),
        (String::from("GET /?a=b#c HTTP/1.1\r\nhost: x\r\n\r\n"), HeadError::Unencoded),
        (String::from("GET /?search=m\u{fc}ller HTTP/1.1\r\nhost: x\r\n\r\n"), HeadError::Unencoded),
        (String::from("GET /\r\nhost: x\r\n\r\n"), HeadError::RequestLine),
        (with_host(&many), HeadError::TooManyHeaders),
        (with_host(&long), HeadError::TooLarge),
    ] {
        assert_eq!(scanned(bytes.as_bytes()), (Vec::new(), Some(error)), "{bytes:?}");
        // An earlier request is answered, and this one is refused.
        let both = [b"GET /first HTTP/1.1\r\nhost: x\r\n\r\n", bytes.as_bytes()].concat();
        let (seen, answer) = served(&both, 4_000);
        assert_eq!(seen, [(String::from("GET /first"), Some(Vec::new()))], "{bytes:?}");
        let status = if error.is_about_size() { "HTTP/1.1 431 " } else { "HTTP/1.1 400 " };
        assert!(answer.contains("HTTP/1.1 200 OK") && answer.contains(status), "{bytes:?}: {answer}");
        assert!(answer.contains("Connection: close") && answer.contains(r#"{"errors":[{"message":""#), "{answer}");
    }
}

#[test]
fn usual_heads_are_accepted() {
    for head in [
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nhost:x\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\nx-empty:\r\nx: \u{fc}\t\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nhost:\r\n\r\n",
    ] {
        let (scanned, error) = scanned(head.as_bytes());
        assert_eq!((scanned.len(), error), (1, None), "{head:?}");
        assert_eq!(served(head.as_bytes(), 7).0, scanned, "{head:?}");
    }
}
