//! The neighbour: a tenant with the default component, whose calls and small jobs are timed.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;

/// Timeout of a request, and of a job.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two polls of a job.
const POLL_PAUSE: Duration = Duration::from_millis(1);
/// Contacts that the neighbour has from the start.
const CONTACTS: usize = 200;

/// What the neighbour does, in the order of [`Times`].
pub(super) const OPERATIONS: [&str; 4] = ["list", "call", "job", "poll"];

/// How long each operation took, and how many of them failed.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) times: [Vec<Duration>; OPERATIONS.len()],
    /// The first failure of each phase, and the number of all.
    pub(super) failures: Vec<String>,
    pub(super) failed: usize,
}

/// The neighbour. Each of its requests has a connection of its own.
pub(super) struct Neighbour {
    server: SocketAddr,
    secret: String,
    /// A completed job, which is polled.
    job: String,
    next_contact: usize,
}

impl Neighbour {
    /// Gives a tenant some contacts and makes it the neighbour.
    pub(super) fn new(server: SocketAddr, secret: String) -> Outcome<Self> {
        let mut neighbour = Self { server, secret, job: String::new(), next_contact: 0 };
        let contacts: Vec<Value> = (0..CONTACTS).map(|_| neighbour.contact()).collect();
        neighbour.job = neighbour.job(&Value::from(contacts))?;
        Ok(neighbour)
    }

    /// Does all operations in turn for `time`, and each at least once.
    pub(super) fn measure(&mut self, time: Duration, times: &mut Times) {
        let started = Instant::now();
        let mut is_first_failure = true;
        while started.elapsed() < time || times.times.iter().any(Vec::is_empty) {
            for (place, name) in OPERATIONS.iter().enumerate() {
                let contact = self.contact();
                let began = Instant::now();
                let outcome = match place {
                    0 => self.ask("GET", "/api/contacts?limit=30", "", 200).map(drop),
                    1 => self.ask("POST", "/api/contacts/new", &contact.to_string(), 201).map(drop),
                    2 => self.job(&json!([contact])).map(drop),
                    _ => self.ask("GET", &format!("/api/contacts/job/{}", self.job), "", 200).map(drop),
                };
                if let Some(times) = times.times.get_mut(place) {
                    times.push(began.elapsed());
                }
                if let Err(error) = outcome {
                    times.failed += 1;
                    if std::mem::take(&mut is_first_failure) {
                        times.failures.push(format!("{name}: {error}"));
                    }
                }
            }
        }
    }

    /// Waits until a small job is completed, because the server may still be busy with an attack that has ended.
    pub(super) fn wait_for_calm(&mut self) -> Outcome<()> {
        let started = Instant::now();
        loop {
            let contact = self.contact();
            match self.job(&json!([contact])) {
                Ok(_) => return Ok(()),
                Err(error) if started.elapsed() > 12 * TIMEOUT => return Err(error),
                Err(_) => {}
            }
        }
    }

    fn contact(&mut self) -> Value {
        self.next_contact += 1;
        json!({"email": format!("n{}@example.com", self.next_contact), "firstname": "Nina", "city": "Lübeck"})
    }

    /// Sends a job and waits for its end. Returns its id.
    fn job(&self, contacts: &Value) -> Outcome<String> {
        let started = Instant::now();
        let accepted = self.ask("POST", "/api/contacts/bulk/new", &contacts.to_string(), 202)?;
        let id = accepted.get("id").and_then(Value::as_str).ok_or("no id")?.to_owned();
        loop {
            let status = self.ask("GET", &format!("/api/contacts/job/{id}"), "", 200)?;
            if status.get("status").is_some_and(|status| status == "completed") {
                return Ok(id);
            }
            if started.elapsed() > TIMEOUT {
                return Err(format!("not completed within {TIMEOUT:?}").into());
            }
            thread::sleep(POLL_PAUSE);
        }
    }

    fn ask(&self, method: &str, path: &str, body: &str, wanted: u16) -> Outcome<Value> {
        let mut stream = TcpStream::connect_timeout(&self.server, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        stream.set_nodelay(true)?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.secret,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()).ok_or("no answer")?;
        if status != wanted {
            return Err(format!("status {status}").into());
        }
        // A list may come in chunks, and is not looked into.
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        Ok(serde_json::from_str(body).unwrap_or_default())
    }
}
