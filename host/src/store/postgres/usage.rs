//! The counters of what tenants keep: `stored_bytes` of a tenant's queue and of its counters (`tallies`), together.

use tokio_postgres::types::ToSql;

use super::PostgresStore;
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, number, signed};
use crate::domain::TenantId;
use crate::store::usage::{MINUTE_MICROS, excess, interval_micros, time_until};
use crate::store::{Admission, QueueUse, StoreError, TokenLimits, Usage, UsageStore};

/// Adds to the stored bytes of a tenant, under the lock of its counters.
pub(super) const ADD_BYTES: &str = "UPDATE tallies SET stored_bytes = stored_bytes + $2 WHERE tenant = $1";

/// Takes bytes off several tenants, which come in the order of their numbers, so that no two transactions wait for each other.
pub(super) const TAKE_OFF: &str = "
    UPDATE tallies SET stored_bytes = stored_bytes - gone.bytes
    FROM unnest($1::bigint[], $2::bigint[]) AS gone (tenant, bytes) WHERE tallies.tenant = gone.tenant";

impl UsageStore for PostgresStore {
    fn usage(&self, tenant: TenantId) -> Result<Usage, StoreError> {
        self.connections.run("counting what a tenant keeps", async |session| usage(session, tenant).await)
    }

    fn queue_use(&self, tenant: TenantId) -> Result<QueueUse, StoreError> {
        self.connections.run("counting what a tenant's jobs use", async |session| queue_use(session, tenant).await)
    }

    fn admit_token(&self, tenant: TenantId, limits: &TokenLimits) -> Result<Admission, StoreError> {
        self.connections.run("counting tokens", async |session| admit_token(session, tenant, limits).await)
    }
}

async fn usage(session: &Session, tenant: TenantId) -> Result<Usage, PgError> {
    const USAGE: &str = "
        SELECT contacts,
               greatest(0, stored_bytes + coalesce((SELECT stored_bytes FROM queues WHERE tenant = $1), 0)
                 + (SELECT coalesce(sum(octet_length(text)), 0) FROM profiles WHERE tenant = $1))::bigint,
               (SELECT count(*) FROM jobs WHERE tenant = $1 AND finished_at IS NULL),
               (SELECT count(*) FROM tokens WHERE tenant = $1), greatest(0, kept_bytes)
        FROM tallies WHERE tenant = $1";
    let usage = session.prepare_cached(USAGE).await?;
    let Some(row) = session.query_opt(&usage, &[&tenant.0]).await? else { return Ok(Usage::default()) };
    Ok(Usage {
        contacts: number(&row, 0)?,
        stored_bytes: number(&row, 1)?,
        unfinished_jobs: number(&row, 2)?,
        tokens: number(&row, 3)?,
        kept_bytes: number(&row, 4)?,
    })
}

async fn queue_use(session: &Session, tenant: TenantId) -> Result<QueueUse, PgError> {
    const QUEUE_USE: &str = "
        SELECT (SELECT count(*) FROM jobs WHERE tenant = $2 AND finished_at IS NULL),
               (SELECT coalesce(sum(waiting_bytes), 0)::bigint FROM jobs WHERE tenant = $2 AND finished_at IS NULL),
               jobs_free_at, contacts_free_at, bulkhead_now($1)
        FROM queues WHERE tenant = $2";
    let queue_use = session.prepare_cached(QUEUE_USE).await?;
    let Some(row) = session.query_opt(&queue_use, &[&session.clock_shift, &tenant.0]).await? else {
        return Ok(QueueUse::default());
    };
    let now = get(&row, 4)?;
    Ok(QueueUse {
        jobs: number(&row, 0)?,
        bytes: number(&row, 1)?,
        jobs_count_for: time_until(get(&row, 2)?, now),
        contacts_count_for: time_until(get(&row, 3)?, now),
    })
}

/// Counts a token under the lock of the tenant's queue.
async fn admit_token(session: &Session, tenant: TenantId, limits: &TokenLimits) -> Result<Admission, PgError> {
    const COUNT: &str = "
        UPDATE queues
        SET tokens_free_at = least(greatest(tokens_free_at, bulkhead_now($1)), bulkhead_now($1) + $4) + $3
        WHERE tenant = $2 RETURNING tokens_free_at - bulkhead_now($1)";
    const MAKE_ROOM: &str = "
        DELETE FROM tokens WHERE hash IN (
          SELECT hash FROM tokens WHERE tenant = $1 ORDER BY expires_at DESC OFFSET $2 FOR UPDATE SKIP LOCKED
        )";
    let count = session.prepare_cached(COUNT).await?;
    let make_room = session.prepare_cached(MAKE_ROOM).await?;
    let (interval, kept) = (interval_micros(limits.per_minute), signed(limits.count.saturating_sub(1)));
    session
        .transact(async || {
            let counted: [&(dyn ToSql + Sync); 4] = [&session.clock_shift, &tenant.0, &interval, &MINUTE_MICROS];
            let ((), counted, _) = tokio::try_join!(
                biased;
                session.begin(),
                async { Ok(session.query_opt(&count, &counted).await?) },
                async { Ok::<_, PgError>(session.execute(&make_room, &[&tenant.0, &kept]).await?) },
            )?;
            // A removed tenant gets no token, as the caller finds out.
            let micros = counted.map(|row| get(&row, 0)).transpose()?.unwrap_or(0);
            Ok(match excess(micros) {
                Some(wait) => TxOutcome::RollBack(Admission::After(wait)),
                None => TxOutcome::Commit(Admission::Admitted),
            })
        })
        .await
}
