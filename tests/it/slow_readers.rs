//! Clients that take large answers slowly or not at all: they cost little memory, and other tenants nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use bulkhead_tests::{Client, DEADLINE, Options, Server, Tenant, contacts};
use serde_json::{Value, json};

const LIST: &str = "/api/contacts?limit=1000";

/// Sends a request over a connection of its own.
fn ask(server: &Server, tenant: &Tenant, path: &str) -> TcpStream {
    let mut connection = TcpStream::connect(server.address()).expect("the server accepts connections");
    connection.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    let authorization = tenant.authorization();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("the server reads");
    connection
}

/// Makes 1,000 contacts, which are 24 MB together.
fn make_large_contacts(client: &Client) {
    let tags: Vec<_> = (0..200).map(|number| format!("tag{number}-{}", "x".repeat(40))).collect();
    let mut items = contacts("c", 0..1_000);
    for item in items.as_array_mut().into_iter().flatten() {
        item["tags"] = json!(tags);
    }
    assert_eq!(client.create(&items).finished()["created"], 1_000);
}

/// Adds a tenant with a job whose keys are long. Returns the path of a page of 1,000 rows, which has 16 MB, too.
fn add_tenant_with_large_rows(server: &Server) -> (Tenant, String) {
    let tenant = server.add_tenant("rows");
    let client = server.client(&tenant);
    let key = |number: usize| format!("{number}-{}", "k".repeat(16_000));
    let items: serde_json::Map<_, _> = (0..1_000).map(|number| (key(number), json!({"points": number}))).collect();
    let job = client.create(&Value::from(items));
    assert_eq!(job.finished()["processed"], 1_000);
    let path = format!("{}?details=full&limit=1000", job.path());
    (tenant, path)
}

#[test]
fn a_thousand_slow_readers_cost_little_memory_and_others_nothing() {
    let server = Options::default()
        .with("--write-timeout", 600)
        .with("--max-connections", 1_100)
        .with("--max-connections-per-address", 1_100)
        .start();
    let large = server.add_tenant("large");
    make_large_contacts(&server.client(&large));
    let (rows, page) = add_tenant_with_large_rows(&server);
    let client = server.new_client("acme");
    let job = client.create(&contacts("c", 0..1_000));
    job.wait_for("completed");
    let readers: Vec<TcpStream> = (0..1_000)
        .map(|number| if number % 2 == 0 { ask(&server, &large, LIST) } else { ask(&server, &rows, &page) })
        .collect();
    // Every answer has begun or was refused.
    for mut reader in &readers {
        let mut begin = [0; 12];
        reader.read_exact(&mut begin).expect("an answer");
        assert!(begin == *b"HTTP/1.1 200" || begin == *b"HTTP/1.1 503", "{}", String::from_utf8_lossy(&begin));
    }
    let listed = client.get(LIST).expect(200).json();
    assert_eq!(listed["contacts"].as_object().map(serde_json::Map::len), Some(1_000));
    assert_eq!(job.rows().len(), 1_000);
    let peak = server.peak_memory();
    assert!(peak < 800, "{peak} MiB");
    // What was waited for is there again when the readers have gone.
    drop(readers);
    server.client(&large).get(LIST).expect(200);
}

#[test]
fn a_page_of_large_rows_is_streamed_as_the_same_json() {
    let server = Server::start();
    let (tenant, path) = add_tenant_with_large_rows(&server);
    let client = server.client(&tenant);
    let page = client.get(&path).expect(200);
    assert_eq!(page.header("transfer-encoding"), Some("chunked"));
    assert!(page.body.len() > 16_000_000);
    let rows = page.json()["details"]["contacts"].clone();
    let few = client.get(&path.replace("limit=1000", "limit=2&page=300")).expect(200);
    assert_eq!(few.header("content-length"), Some(few.body.len().to_string().as_str()));
    assert_eq!(few.json()["details"]["contacts"], json!([rows[598], rows[599]]));
    let indexes: Vec<_> = rows.as_array().into_iter().flatten().filter_map(|row| row["index"].as_u64()).collect();
    assert_eq!(indexes, (0..1_000).collect::<Vec<_>>());
    assert!(page.text().starts_with(r#"{"status":"completed","total":1000,"#), "{}", &page.text()[..100]);
}

#[test]
fn a_page_breaks_off_when_its_job_is_deleted() {
    let mut server = Server::start();
    let (tenant, path) = add_tenant_with_large_rows(&server);
    let mut reader = ask(&server, &tenant, &path);
    let mut begin = [0; 100_000];
    reader.read_exact(&mut begin).expect("the page began");
    server.client(&tenant).delete(path.split('?').next().expect("a path")).expect(200);
    let mut rest = Vec::new();
    // The system may report that the server closed the connection before everything was taken.
    drop(reader.read_to_end(&mut rest));
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the page must not look complete");
    server.wait_for_event("answer_broken_off");
}

#[test]
fn an_answer_that_is_taken_a_little_at_a_time_is_given_up() {
    let server = Options::default().with("--write-timeout", 1).with("--min-transfer-rate", 10_000_000).start();
    let tenant = server.add_tenant("large");
    make_large_contacts(&server.client(&tenant));
    let mut reader = ask(&server, &tenant, LIST);
    let (mut taken, mut some) = (0, [0; 1_000]);
    while let Ok(bytes @ 1..) = reader.read(&mut some) {
        taken += bytes;
        thread::sleep(Duration::from_millis(1));
    }
    assert!(taken < 20_000_000, "{taken}");
}
