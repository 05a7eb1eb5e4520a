//! The floor: the cost of PostgreSQL with a plain driver and the server's tables.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, Statement, Transaction};

use crate::Outcome;
use crate::floor::Row;
use crate::guest::CHUNK;

/// The server's schema, for the same indexes.
const SCHEMA: &str = include_str!("../../../host/src/store/postgres/schema/0001.sql");

const CONTACTS: &str = "INSERT INTO contacts (tenant, id, version, key_fields, key_values, document)
    SELECT $1, id, 1, '{email}', ARRAY[email], document
    FROM unnest($2::bigint[], $3::text[], $4::text[]) AS new (id, email, document)";
const KEYS: &str = "INSERT INTO contact_keys (tenant, field, value, contact)
    SELECT $1, 'email', email, id FROM unnest($2::bigint[], $3::text[]) AS new (id, email)";

pub(crate) struct Floor {
    runtime: Runtime,
    client: Client,
    statements: (Statement, Statement),
    /// The tenant of the rows, another one each time.
    tenant: i64,
}

impl Floor {
    pub(crate) fn new(url: &str) -> Outcome<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (client, statements) = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(SCHEMA).await?;
            let statements = (client.prepare(CONTACTS).await?, client.prepare(KEYS).await?);
            Ok::<_, tokio_postgres::Error>((client, statements))
        })?;
        Ok(Self { runtime, client, statements, tenant: 0 })
    }

    /// Inserts rows by arrays, 500 in each durable transaction.
    pub(crate) fn unnest(&mut self, rows: &[Row]) -> Outcome<Duration> {
        let (contacts, keys) = &self.statements.clone();
        self.timed(rows, async |transaction, tenant, first, chunk| {
            let ids: Vec<i64> = (first..).take(chunk.len()).collect();
            let emails: Vec<&str> = chunk.iter().map(|row| row.email.as_str()).collect();
            let documents: Vec<&str> = chunk.iter().map(|row| row.document.as_str()).collect();
            transaction.execute(contacts, &[&tenant, &ids, &emails, &documents]).await?;
            transaction.execute(keys, &[&tenant, &ids, &emails]).await?;
            Ok(())
        })
    }

    /// Inserts rows by COPY, 500 in each durable transaction.
    pub(crate) fn copy(&mut self, rows: &[Row]) -> Outcome<Duration> {
        self.timed(rows, async |transaction, tenant, first, chunk| {
            let (mut contacts, mut keys) = (String::new(), String::new());
            for (id, row) in (first..).zip(chunk) {
                let document = row.document.replace('\\', "\\\\");
                writeln!(contacts, "{tenant}\t{id}\t1\t{{email}}\t{{{}}}\t{document}", row.email).ok();
                writeln!(keys, "{tenant}\temail\t{}\t{id}", row.email).ok();
            }
            for (table, text) in [("contacts", contacts), ("contact_keys", keys)] {
                let sink = transaction.copy_in(&format!("COPY {table} FROM STDIN")).await?;
                let mut sink = std::pin::pin!(sink);
                futures_util::SinkExt::send(&mut sink, std::io::Cursor::new(text.into_bytes())).await?;
                sink.finish().await?;
            }
            Ok(())
        })
    }

    fn timed(
        &mut self,
        rows: &[Row],
        insert: impl AsyncFn(&Transaction<'_>, i64, i64, &[Row]) -> Result<(), tokio_postgres::Error>,
    ) -> Outcome<Duration> {
        self.tenant += 1;
        let (tenant, client) = (self.tenant, &mut self.client);
        self.runtime.block_on(async {
            let started = Instant::now();
            let mut first = 1;
            for chunk in rows.chunks(CHUNK) {
                let transaction = client.transaction().await?;
                insert(&transaction, tenant, first, chunk).await?;
                transaction.commit().await?;
                first += i64::try_from(chunk.len())?;
            }
            Ok(started.elapsed())
        })
    }
}
