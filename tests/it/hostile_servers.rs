//! `bulkhead submit` against a server that lies: the command ends, says so, and shows nothing that a terminal obeys.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use bulkhead_tests::{HttpRequest, run_with_input};
use serde_json::{Value, json};

const JOB: &str = "11111111-1111-4111-8111-111111111111";

#[test]
fn submit_ends_whatever_the_server_says() {
    let row = |index: u64| json!({"index": index, "statusCode": 400, "errors": {"message": "no"}});
    let job = |count: u64, rows: &[Value], next: &str| {
        json!({
            "status": "completed", "processed": count, "created": 0, "updated": 0, "failed": count,
            "details": {"contacts": rows, "next-page": next},
        })
    };
    let page = format!("/api/contacts/job/{JOB}?start=1");

    for (answer, why) in [
        (job(u64::MAX, &[], &page), "counts more contacts"),
        (job(3, &[], &page), "counts more contacts"),
        (job(2, &[row(u64::MAX)], &page), "of no contact"),
        (job(2, &[row(2)], &page), "of no contact"),
        (job(2, &[row(0), row(0), row(0)], &page), "too many results"),
        // The next page is this one.
        (job(2, &[json!({"index": 0, "statusCode": 200})], &page), "too many results"),
        (job(2, &[row(0)], "http://169.254.169.254/"), "is not a job's"),
        (json!({"status": "completed"}), "a member is missing"),
        (json!(null), "not of the kind"),
    ] {
        let url = serve(answer.to_string());
        let ended = run_with_input(["submit", "-", "--url", &url, "--user", "a:b"], b"[{},{}]").expect(2);
        assert!(ended.stderr.contains("was not expected") && ended.stderr.contains(why), "{answer}: {}", ended.stderr);
    }
}

/// A server that has no files does not fill the file of failures with something else.
#[test]
fn failures_that_are_no_file_are_refused() {
    let job = json!({
        "status": "completed", "processed": 1, "created": 0, "updated": 0, "failed": 1,
        "details": {"contacts": [{"index": 0, "statusCode": 400}]},
    });
    let url = serve(job.to_string());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let failed = folder.path().join("failed.csv");
    let args = ["submit", "-", "--url", &url, "--user", "a:b", "--format", "csv", "--failures"];
    let args = args.into_iter().map(AsRef::as_ref).chain([failed.as_os_str()]);
    let ended = run_with_input(args, b"email\na@example.com\n").expect(2);
    assert!(ended.stderr.contains("a file of the type text/csv was asked for"), "{}", ended.stderr);
    assert_eq!(std::fs::read_dir(folder.path()).expect("it can be listed").count(), 0);
}

/// Accepts every job, and answers all reads with one text. Returns the URL.
fn serve(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || drop(answer_requests(stream, &answer)));
        }
    });
    format!("http://{address}")
}

fn answer_requests(stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = HttpRequest::receive_and_continue(&mut reader, || {
        drop((&stream).write_all(b"HTTP/1.1 100 Continue\r\n\r\n"));
    }) {
        let (status, body) = match request.method() {
            "POST" => (202, json!({"id": JOB}).to_string()),
            _ => (200, answer.to_owned()),
        };
        write!(&stream, "HTTP/1.1 {status} Fine\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    }
    Ok(())
}
