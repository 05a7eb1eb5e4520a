//! What an attacker does all the time.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connection::{Answer, Connection};

/// Pause before a connection that was refused, or closed at once, is opened again. It bounds how often attackers connect.
const REOPEN_PAUSE: Duration = Duration::from_millis(500);
/// Time after which a connection was not closed at once.
const LONG_LIFE: Duration = Duration::from_secs(1);
/// Time for connections that are held to be opened. A server that refuses them may take long.
const LONGEST_OPENING: Duration = Duration::from_secs(5);
/// Pause between two polls of a job, and of the connections that are opened.
const POLL_PAUSE: Duration = Duration::from_millis(100);
/// What a slow reader takes at a time, in bytes, and how often.
const SIP_BYTES: usize = 1 << 10;
const SIP_PAUSE: Duration = Duration::from_secs(1);
/// Buffer for answers of a slow reader, in bytes.
const READER_WINDOW: u32 = 4 << 10;

/// A tenant that attacks, or a stranger, whose credentials are empty.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Attacker {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// What each attacker does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// Keeps so many jobs unfinished.
    Jobs { unfinished: usize, body: fn() -> Vec<u8> },
    /// Sends a request again and again, on so many connections.
    Requests { connections: usize, request: fn(&Attacker) -> Vec<u8> },
    /// Has a job decided first. Then requests a path again and again, on so many connections; `JOB` is the job's id.
    Answers { connections: usize, job: fn() -> Vec<u8>, path: &'static str },
    /// Opens connections, so many of all attackers together, sends the opening of a request and nothing more.
    Held { connections: usize, opening: fn(&Attacker) -> Vec<u8>, waits_for_answer: bool },
    /// As `Answers`, on so many connections of all attackers together, and takes the answers slowly.
    Readers { connections: usize, job: fn() -> Vec<u8>, path: &'static str },
    /// Computes on a thread.
    Computing,
}

/// An attacker at work.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) attacker: Attacker,
    /// The attacker's own address.
    pub(super) from: Ipv4Addr,
    pub(super) server: SocketAddr,
}

/// What attackers got, counted by status. The status 0 is a connection that was closed or refused.
pub(super) static ANSWERS: Mutex<BTreeMap<u16, u64>> = Mutex::new(BTreeMap::new());
/// Connections that were opened to be held.
static OPENED: AtomicUsize = AtomicUsize::new(0);
/// The jobs of all attackers.
static JOBS: Mutex<Vec<(Work, String)>> = Mutex::new(Vec::new());

/// Returns a request with further header lines.
pub(super) fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{lines}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Returns an attacker's `Authorization` header.
pub(super) fn bearer(attacker: &Attacker) -> String {
    format!("Authorization: Bearer {}", attacker.client_secret)
}

impl Load {
    /// Starts what one of `count` attackers does, on the current runtime. Returns when all of it has begun.
    pub(super) async fn start(self, work: &Work, count: usize) -> io::Result<()> {
        match self {
            Self::Jobs { unfinished, body } => {
                let body = request("POST", "/api/contacts/bulk/new", &[&bearer(&work.attacker), JSON], &body());
                for _ in 0..unfinished {
                    repeat(work, body.clone(), |work, body| async move { one_job(&work, &body).await.map(drop) });
                }
            }
            Self::Requests { connections, request } => {
                let request = request(&work.attacker);
                for _ in 0..connections {
                    repeat(work, request.clone(), |work, request| async move { requests(&work, &request).await });
                }
            }
            Self::Answers { connections, job, path } => {
                let request = prepared(work, job, path).await?;
                for _ in 0..connections {
                    repeat(work, request.clone(), |work, request| async move { requests(&work, &request).await });
                }
            }
            Self::Readers { connections, job, path } => {
                let request = prepared(work, job, path).await?;
                for _ in 0..connections.div_ceil(count) {
                    repeat(work, request.clone(), |work, request| async move { read_slowly(&work, &request).await });
                }
            }
            Self::Held { connections, opening, waits_for_answer } => {
                let opening = opening(&work.attacker);
                let wanted = OPENED.load(Ordering::Relaxed) + connections.div_ceil(count);
                for _ in 0..connections.div_ceil(count) {
                    repeat(work, opening.clone(), move |work, opening| async move {
                        hold(&work, &opening, waits_for_answer).await
                    });
                }
                let began = Instant::now();
                while OPENED.load(Ordering::Relaxed) < wanted && began.elapsed() < LONGEST_OPENING {
                    tokio::time::sleep(POLL_PAUSE).await;
                }
            }
            Self::Computing => drop(thread::spawn(|| {
                let mut rounds = 0_u64;
                loop {
                    rounds = black_box(rounds.wrapping_add(1));
                }
            })),
        }
        Ok(())
    }
}

const JSON: &str = "Content-Type: application/json";

/// Does something for ever on a task of its own, and pauses when it fails at once.
fn repeat<F>(work: &Work, bytes: Vec<u8>, act: impl Fn(Work, Vec<u8>) -> F + Send + 'static)
where
    F: Future<Output = io::Result<()>> + Send,
{
    let work = work.clone();
    tokio::spawn(async move {
        loop {
            let began = Instant::now();
            if act(work.clone(), bytes.clone()).await.is_err() {
                count(0);
                if began.elapsed() < LONG_LIFE {
                    tokio::time::sleep(REOPEN_PAUSE).await;
                }
            }
        }
    });
}

fn count(status: u16) {
    *ANSWERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).entry(status).or_default() += 1;
}

async fn ask(connection: &mut Connection, request: &[u8]) -> io::Result<Answer> {
    connection.send(request).await?;
    let answer = connection.answer().await?;
    count(answer.status);
    Ok(answer)
}

async fn requests(work: &Work, request: &[u8]) -> io::Result<()> {
    let mut connection = Connection::open(work.from, work.server, None).await?;
    loop {
        ask(&mut connection, request).await?;
    }
}

/// Sends a job and waits for its end. Returns its id.
async fn one_job(work: &Work, body: &[u8]) -> io::Result<String> {
    let mut connection = Connection::open(work.from, work.server, None).await?;
    let accepted = ask(&mut connection, body).await?;
    let id = member(&accepted.body, "id").ok_or(io::ErrorKind::Other)?;
    jobs().push((work.clone(), id.clone()));
    let poll = request("GET", &format!("/api/contacts/job/{id}"), &[&bearer(&work.attacker)], b"");
    loop {
        let status = ask(&mut connection, &poll).await?;
        if status.status == 200 && member(&status.body, "status").as_deref() == Some("completed") {
            return Ok(id);
        }
        tokio::time::sleep(POLL_PAUSE).await;
    }
}

/// Has a job decided. Returns the request of a path.
async fn prepared(work: &Work, job: fn() -> Vec<u8>, path: &str) -> io::Result<Vec<u8>> {
    let headers = [bearer(&work.attacker)];
    let job = one_job(work, &request("POST", "/api/contacts/bulk/new", &[&headers[0], JSON], &job())).await?;
    Ok(request("GET", &path.replace("JOB", &job), &[&headers[0]], b""))
}

/// Holds a connection until the server closes it.
async fn hold(work: &Work, opening: &[u8], waits_for_answer: bool) -> io::Result<()> {
    let mut connection = Connection::open(work.from, work.server, None).await?;
    connection.send(opening).await?;
    OPENED.fetch_add(1, Ordering::Relaxed);
    if waits_for_answer {
        count(connection.answer().await?.status);
    }
    // Whatever comes is either the end or a refusal.
    connection.answer().await.map(|refusal| count(refusal.status))?;
    Err(io::ErrorKind::ConnectionAborted.into())
}

async fn read_slowly(work: &Work, request: &[u8]) -> io::Result<()> {
    let mut connection = Connection::open(work.from, work.server, Some(READER_WINDOW)).await?;
    connection.send(request).await?;
    while connection.read(SIP_BYTES).await? > 0 {
        tokio::time::sleep(SIP_PAUSE).await;
    }
    Err(io::ErrorKind::ConnectionAborted.into())
}

/// Deletes all jobs that attackers have sent.
pub(super) async fn delete_jobs() {
    let jobs = std::mem::take(&mut *jobs());
    for (work, id) in jobs {
        let delete = request("DELETE", &format!("/api/contacts/job/{id}"), &[&bearer(&work.attacker)], b"");
        if let Ok(mut connection) = Connection::open(work.from, work.server, None).await {
            drop(ask(&mut connection, &delete).await);
        }
    }
}

fn jobs() -> std::sync::MutexGuard<'static, Vec<(Work, String)>> {
    JOBS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn member(body: &[u8], name: &str) -> Option<String> {
    Some(serde_json::from_slice::<Value>(body).ok()?.get(name)?.as_str()?.to_owned())
}
