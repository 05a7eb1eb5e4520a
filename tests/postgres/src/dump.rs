//! Backups of databases by PostgreSQL's own tools.

use std::io::Write as _;
use std::process::Stdio;

use crate::{Cluster, text};

impl Cluster {
    /// Backs up a database and restores it into an empty one with `pg_dump` and `pg_restore`. Returns the name of the copy.
    pub fn restored_copy(&self, database: &str) -> String {
        let dump = text(&self.folder().join(format!("{database}.dump")));
        self.run("pg_dump", &["--format=custom", "--file", &dump, &self.url(database)]);
        let copy = self.fresh_database();
        self.run("pg_restore", &["--no-owner", "--exit-on-error", "--dbname", &self.url(&copy), &dump]);
        copy
    }

    /// Returns a database as SQL that psql of any version can run.
    pub fn dump(&self, database: &str) -> String {
        let output = self.command("pg_dump", &["--no-owner", "--no-privileges", &self.url(database)]);
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        let sql = String::from_utf8(output.stdout).expect("the database is in UTF-8");
        // Only the newest versions of psql know these lines.
        let is_new = |line: &&str| {
            ["\\restrict", "\\unrestrict", "SET transaction_timeout"].iter().any(|new| line.starts_with(new))
        };
        sql.lines().filter(|line| !is_new(line)).map(|line| format!("{line}\n")).collect()
    }

    /// Runs SQL of any length in a database, such as that of [`Self::dump`].
    pub fn execute(&self, database: &str, sql: &str) {
        let mut psql = self.psql(database);
        let mut child =
            psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("psql can be run");
        let mut stdin = child.stdin.take().expect("it was piped");
        let output = std::thread::scope(|scope| {
            // psql stops reading at the first error.
            scope.spawn(move || drop(stdin.write_all(sql.as_bytes())));
            child.wait_with_output().expect("psql can be waited for")
        });
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    }
}
