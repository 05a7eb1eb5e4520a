//! A transaction that stays open.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

/// The line that `psql` prints when the statement is done.
const DONE: &str = "done";

/// An open transaction. The drop rolls it back.
#[derive(Debug)]
pub struct OpenTransaction(Child);

impl OpenTransaction {
    pub(crate) fn begin(mut psql: Command, sql: &str) -> Self {
        let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql can be run");
        let stdin = psql.stdin.as_mut().expect("it was piped");
        writeln!(stdin, "BEGIN; {sql};\n\\echo {DONE}").expect("psql reads");
        let stdout = BufReader::new(psql.stdout.take().expect("it was piped"));
        let is_done = stdout.lines().map_while(Result::ok).any(|line| line == DONE);
        assert!(is_done, "{sql} failed");
        Self(psql)
    }
}

impl Drop for OpenTransaction {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        drop(self.0.wait());
    }
}
