//! What the store says of itself as a whole.

use super::PostgresStore;
use super::connections::Session;
use super::error::PgError;
use super::presence;
use super::sql::{get, number};
use crate::domain::{JobId, Timestamp};
use crate::store::statistics::{MAX_COUNTED_MESSAGES, MAX_LEASES, age};
use crate::store::{ConnectedServer, Lease, PoolUse, StatisticsStore, StoreError, StoreStatistics};

impl StatisticsStore for PostgresStore {
    fn statistics(&self) -> Result<StoreStatistics, StoreError> {
        self.connections.run("reading statistics", async |session| statistics(session).await)
    }

    fn pool_use(&self) -> PoolUse {
        let status = self.connections.pool().status();
        PoolUse { most: status.max_size, busy: status.size.saturating_sub(status.available), waiting: status.waiting }
    }

    fn servers(&self) -> Result<Vec<ConnectedServer>, StoreError> {
        self.connections.run("finding servers", async |session| {
            let servers = presence::servers(session).await?;
            Ok(servers
                .into_iter()
                .map(|server| ConnectedServer { schema: server.known, address: server.address })
                .collect())
        })
    }

    fn leases(&self) -> Result<Vec<Lease>, StoreError> {
        self.connections.run("reading leases", async |session| leases(session).await)
    }
}

async fn leases(session: &Session) -> Result<Vec<Lease>, PgError> {
    const LEASES: &str = "
        SELECT name, jobs.id, epoch, lease_until, cursor, total
        FROM jobs JOIN tenants ON tenants.id = jobs.tenant
        WHERE finished_at IS NULL AND lease_until > bulkhead_now($1) ORDER BY lease_until LIMIT $2";
    let statement = session.prepare_cached(LEASES).await?;
    let rows = session.query(&statement, &[&session.clock_shift, &MAX_LEASES]).await?;
    let leases: Result<_, StoreError> = rows
        .iter()
        .map(|row| {
            Ok(Lease {
                tenant: get(row, 0)?,
                job: JobId(get(row, 1)?),
                epoch: get(row, 2)?,
                until: Timestamp(get(row, 3)?),
                processed: number(row, 4)?,
                total: number(row, 5)?,
            })
        })
        .collect();
    Ok(leases?)
}

async fn statistics(session: &Session) -> Result<StoreStatistics, PgError> {
    const STATISTICS: &str = "
        SELECT bulkhead_now($1), queue.queued, queue.running, queue.items, queue.oldest,
               (SELECT count(*) FROM tenants), tally.contacts, tally.bytes, pg_database_size(current_database()),
               message.waiting, message.oldest
        FROM (
          SELECT count(*) FILTER (WHERE started_at IS NULL) AS queued,
                 count(*) FILTER (WHERE started_at IS NOT NULL) AS running,
                 coalesce(sum(total - cursor), 0)::bigint AS items,
                 min(created_at) FILTER (WHERE started_at IS NULL) AS oldest
          FROM jobs WHERE finished_at IS NULL
        ) AS queue, (
          SELECT coalesce(sum(contacts), 0)::bigint AS contacts,
                 greatest(0, coalesce(sum(stored_bytes), 0)
                   + (SELECT coalesce(sum(stored_bytes), 0) FROM queues))::bigint AS bytes
          FROM tallies
        ) AS tally, (
          SELECT count(*) AS waiting, min(occurred_at) AS oldest FROM (
            SELECT occurred_at FROM webhook_messages WHERE due_at IS NOT NULL LIMIT $2
          ) AS due
        ) AS message";
    let statistics = session.prepare_cached(STATISTICS).await?;
    let row = session.query_one(&statistics, &[&session.clock_shift, &MAX_COUNTED_MESSAGES]).await?;
    let now = get(&row, 0)?;
    Ok(StoreStatistics {
        queued_jobs: number(&row, 1)?,
        running_jobs: number(&row, 2)?,
        waiting_items: number(&row, 3)?,
        oldest_queued: age(get(&row, 4)?, now),
        tenants: number(&row, 5)?,
        contacts: number(&row, 6)?,
        stored_bytes: number(&row, 7)?,
        file_bytes: Some(number(&row, 8)?),
        log_bytes: None,
        free_bytes: None,
        waiting_messages: number(&row, 9)?,
        oldest_message: age(get(&row, 10)?, now),
    })
}
