//! Files in and out: a table against the same contacts as JSON, and all contacts as a file against plain SQLite.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Map, Value};

use crate::server::{Counts, Server};
use crate::{Outcome, ROUNDS, contacts, median, ratio, show};

/// Jobs of 10,000 contacts that are exported.
const EXPORTED_JOBS: usize = 20;
/// Times that all of them are exported.
const EXPORTS: usize = 3;
/// Bytes of the large table and of the large list.
const LARGE_BYTES: usize = 60 << 20;

/// Measures both.
pub(crate) fn exchange(items: &[String], body: &[u8]) -> Outcome<()> {
    accepting(items, body)?;
    exporting(items)?;
    memory()
}

/// Returns the contacts as a table.
fn table(items: &[String]) -> Outcome<Vec<u8>> {
    let mut table = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let members: Map<String, Value> = serde_json::from_str(item)?;
        if number == 0 {
            writeln!(table, "{}", members.keys().cloned().collect::<Vec<_>>().join(","))?;
        }
        let cell = |value: &Value| match value {
            Value::String(text) => format!("\"{text}\""),
            other => other.to_string(),
        };
        writeln!(table, "{}", members.values().map(cell).collect::<Vec<_>>().join(","))?;
    }
    Ok(table)
}

fn accepting(items: &[String], body: &[u8]) -> Outcome<()> {
    let server = Server::start()?;
    let table = table(items)?;
    let (mut as_json, mut as_table) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let token = server.tenant(&format!("exchange{round}"));
        server.get(&token, "/api/contacts/job/none")?;
        for (content_type, body, times) in
            [("application/json", body, &mut as_json), ("text/csv", table.as_slice(), &mut as_table)]
        {
            let started = Instant::now();
            let id = server.post_as(&token, content_type, body)?;
            times.push(started.elapsed());
            while server.status(&token, &id)? != "completed" {
                std::thread::sleep(Duration::from_millis(4));
            }
        }
    }
    println!("\n(m) POST of a list to 202 ({:.2} MB):          {}", body.len() as f64 / 1e6, show(&as_json));
    println!("    POST of a table to 202 ({:.2} MB):         {}", table.len() as f64 / 1e6, show(&as_table));
    println!("    ratio of medians: {:.2}", ratio(&as_table, &as_json));
    Ok(())
}

fn exporting(items: &[String]) -> Outcome<()> {
    let server = Server::start()?;
    let token = server.tenant("export");
    let created = Counts { created: contacts::COUNT as u64, updated: 0, failed: 0 };
    for number in 0..EXPORTED_JOBS {
        let renamed: Vec<String> =
            items.iter().map(|item| item.replace(":\"firstname", &format!(":\"j{number}-firstname"))).collect();
        server.run_job(&token, &contacts::body(&renamed), created)?;
    }
    let before = server.peak_memory();
    let (mut exports, mut floors) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    for _ in 0..EXPORTS {
        let started = Instant::now();
        bytes = server.download(&token, "/api/contacts", "text/csv")?;
        exports.push(started.elapsed());
        let started = Instant::now();
        plain_export(&server)?;
        floors.push(started.elapsed());
    }
    let count = (EXPORTED_JOBS * contacts::COUNT) as f64;
    println!("\n(n) {count} contacts as a table ({:.1} MB): {}", bytes as f64 / 1e6, show(&exports));
    println!("    the same documents by plain SQLite, as a table:    {}", show(&floors));
    println!(
        "    ratio of medians: {:.2}; {:.0} contacts a second; peak memory {before} MiB before, {} MiB after",
        ratio(&exports, &floors),
        count / median(&exports).as_secs_f64(),
        server.peak_memory()
    );
    Ok(())
}

/// Reads all documents and writes their fields as a table, as a program would that knows them.
fn plain_export(server: &Server) -> Outcome<()> {
    let file = server.data().join("bulkhead.sqlite");
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare("SELECT id, document FROM contacts ORDER BY tenant, id")?;
    let mut rows = statement.query([])?;
    let mut out = std::io::BufWriter::new(std::fs::File::create(server.data().join("plain.csv"))?);
    let aliases = ["firstname", "lastname", "email", "company", "address1", "city", "country", "points"];
    while let Some(row) = rows.next()? {
        let (id, document): (i64, String) = (row.get(0)?, row.get(1)?);
        let document: Value = serde_json::from_str(&document)?;
        write!(out, "{id}")?;
        for alias in aliases {
            match document.get("fields").and_then(|fields| fields.get(alias)) {
                Some(Value::String(text)) if text.contains([',', '"', '\n']) => {
                    write!(out, ",\"{}\"", text.replace('"', "\"\""))?;
                }
                Some(Value::String(text)) => write!(out, ",{text}")?,
                Some(other) => write!(out, ",{other}")?,
                None => write!(out, ",")?,
            }
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}

/// Measures the memory of a large table against that of a large list.
fn memory() -> Outcome<()> {
    let row = |number: usize| format!("m{number}@example.com,{}", "x".repeat(LARGE_BYTES / 10_000 - 100));
    let rows = 10_000;
    let mut table = String::from("email,other\n");
    let mut list = String::from("[");
    for number in 0..rows {
        let cells = row(number);
        let (email, other) = cells.split_once(',').unwrap_or_default();
        list.push_str(&format!("{}{{\"email\":\"{email}\",\"other\":\"{other}\"}}", if number > 0 { "," } else { "" }));
        table.push_str(&cells);
        table.push('\n');
    }
    list.push(']');
    println!(
        "\n(o) peak memory of a server that is sent {rows} contacts in {:.0} MiB:",
        LARGE_BYTES as f64 / 1048576.0
    );
    for (what, content_type, body) in [("as a list", "application/json", &list), ("as a table", "text/csv", &table)] {
        let server = Server::start()?;
        let token = server.tenant("large");
        let before = server.peak_memory();
        let id = server.post_as(&token, content_type, body.as_bytes())?;
        while server.status(&token, &id)? != "completed" {
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("    {what:10} {before:4} MiB before, {:4} MiB after", server.peak_memory());
    }
    Ok(())
}

/// Reads an answer to its end, and returns its bytes.
pub(crate) fn drain(mut reader: impl std::io::Read) -> Outcome<usize> {
    let (mut buffer, mut bytes) = (vec![0; 64 << 10], 0);
    loop {
        let read = reader.by_ref().read(&mut buffer)?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes += read;
    }
}
