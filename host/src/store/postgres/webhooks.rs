//! Where tenants want to be told of events, and the messages to them.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::PostgresStore;
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, number, signed};
use crate::domain::{Counts, JobId, TenantId, Timestamp};
use crate::store::packing::read_mode;
use crate::store::webhooks::{MAX_MESSAGES, events_column, job_data, read_events};
use crate::store::{
    DueMessage, MessageOutcome, NewWebhook, StoreError, TEST_EVENT, WebhookChange, WebhookEvent, WebhookMessage,
    WebhookRecord, WebhookStore,
};

const CONTEXT: &str = "working on webhooks";

type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

impl WebhookStore for PostgresStore {
    fn add_webhook(&self, tenant: TenantId, webhook: &NewWebhook, max: u32) -> Result<bool, StoreError> {
        const ADD: &str = "
            INSERT INTO webhooks (tenant, id, url, events, secret, created_at)
            SELECT $2::bigint, $3::uuid, $4::text, $5::text, $6::text, bulkhead_now($1)
            WHERE (SELECT count(*) FROM webhooks WHERE tenant = $2) < $7::bigint
              AND EXISTS (SELECT 1 FROM tenants WHERE id = $2)";
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    lock_tenant(session, tenant).await?;
                    let (events, max) = (events_column(&webhook.events), i64::from(max));
                    let shift = &session.clock_shift;
                    let values: Values<'_> =
                        &[shift, &tenant.0, &webhook.id, &webhook.url, &events, &webhook.secret, &max];
                    Ok(TxOutcome::Commit(execute(session, ADD, values).await? > 0))
                })
                .await
        })
    }

    fn webhooks(&self, tenant: TenantId) -> Result<Vec<WebhookRecord>, StoreError> {
        const LIST: &str = "
            SELECT id, url, events, created_at, disabled_at, disabled_reason, failures, failing_since
            FROM webhooks WHERE tenant = $1 ORDER BY created_at, id";
        self.connections.run(CONTEXT, async |session| {
            let list = session.prepare_cached(LIST).await?;
            let rows = session.query(&list, &[&tenant.0]).await?;
            Ok(rows.iter().map(record).collect::<Result<_, StoreError>>()?)
        })
    }

    fn change_webhook(&self, tenant: TenantId, id: Uuid, change: &WebhookChange) -> Result<bool, StoreError> {
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let known = change_webhook(session, tenant, id, change).await?;
                    Ok(if known { TxOutcome::Commit(true) } else { TxOutcome::RollBack(false) })
                })
                .await
        })
    }

    fn remove_webhook(&self, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
        const REMOVE: &str = "DELETE FROM webhooks WHERE tenant = $1 AND id = $2";
        const MESSAGES: &str = "DELETE FROM webhook_messages WHERE tenant = $1 AND webhook = $2";
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let removed = execute(session, REMOVE, &[&tenant.0, &id]).await?;
                    execute(session, MESSAGES, &[&tenant.0, &id]).await?;
                    Ok(TxOutcome::Commit(removed > 0))
                })
                .await
        })
    }

    fn test_webhook(&self, tenant: TenantId, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    if lock_webhook(session, tenant, id).await?.is_none() {
                        return Ok(TxOutcome::RollBack(None));
                    }
                    let message = add_message(session, tenant, id, TEST_EVENT, "{}").await?;
                    Ok(TxOutcome::Commit(Some(message)))
                })
                .await
        })
    }

    fn webhook_messages(&self, tenant: TenantId, webhook: Uuid, limit: u32) -> Result<Vec<WebhookMessage>, StoreError> {
        const LIST: &str = "
            SELECT id, event, occurred_at, attempts, due_at, attempted_at, status, note, delivered_at
            FROM webhook_messages WHERE tenant = $1 AND webhook = $2 ORDER BY occurred_at DESC, id LIMIT $3";
        self.connections.run(CONTEXT, async |session| {
            let list = session.prepare_cached(LIST).await?;
            let rows = session.query(&list, &[&tenant.0, &webhook, &i64::from(limit)]).await?;
            Ok(rows.iter().map(message).collect::<Result<_, StoreError>>()?)
        })
    }

    fn replay_messages(&self, tenant: TenantId, webhook: Uuid, message: Option<Uuid>) -> Result<u64, StoreError> {
        const REPLAY: &str = "
            UPDATE webhook_messages SET due_at = bulkhead_now($1), attempts = 0, delivered_at = NULL
            WHERE tenant = $2 AND webhook = $3 AND (id = $4 OR ($4::uuid IS NULL AND delivered_at IS NULL))";
        const DUE: &str = "
            UPDATE webhooks SET free_at = 0, next_at = bulkhead_now($1) WHERE tenant = $2 AND id = $3";
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    if lock_webhook(session, tenant, webhook).await? != Some(false) {
                        return Ok(TxOutcome::RollBack(0));
                    }
                    let shift = &session.clock_shift;
                    let replayed = execute(session, REPLAY, &[shift, &tenant.0, &webhook, &message]).await?;
                    if replayed > 0 {
                        execute(session, DUE, &[shift, &tenant.0, &webhook]).await?;
                    }
                    Ok(TxOutcome::Commit(replayed))
                })
                .await
        })
    }

    fn take_message(&self, lease: Duration, passing_over: &[TenantId]) -> Result<Option<DueMessage>, StoreError> {
        let passing_over: Vec<i64> = passing_over.iter().map(|tenant| tenant.0).collect();
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    Ok(match take(session, lease, &passing_over).await? {
                        Taken::Nothing => TxOutcome::RollBack(None),
                        Taken::Later => TxOutcome::Commit(None),
                        Taken::Message(message) => TxOutcome::Commit(Some(*message)),
                    })
                })
                .await
        })
    }

    fn finish_message(&self, message: &DueMessage, outcome: &MessageOutcome) -> Result<(), StoreError> {
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    finish(session, message, outcome).await?;
                    Ok(TxOutcome::Commit(()))
                })
                .await
        })
    }
}

/// Stores the messages of an event of a job that has ended in this transaction.
pub(super) async fn tell_of_job(
    session: &Session,
    tenant: TenantId,
    job: JobId,
    event: WebhookEvent,
) -> Result<(), PgError> {
    // Locked in the order of their ids.
    const WEBHOOKS: &str = "
        SELECT id FROM webhooks WHERE tenant = $1 AND strpos(events, ' ' || $2::text || ' ') > 0 ORDER BY id FOR UPDATE";
    const JOB: &str = "SELECT total, created, updated, unchanged, failed, mode FROM jobs WHERE tenant = $1 AND id = $2";
    let webhooks = session.prepare_cached(WEBHOOKS).await?;
    let webhooks = session.query(&webhooks, &[&tenant.0, &event.as_str()]).await?;
    if webhooks.is_empty() {
        return Ok(());
    }
    let statement = session.prepare_cached(JOB).await?;
    let Some(row) = session.query_opt(&statement, &[&tenant.0, &job.0]).await? else { return Ok(()) };
    let counts = Counts {
        created: number(&row, 1)?,
        updated: number(&row, 2)?,
        unchanged: number(&row, 3)?,
        failed: number(&row, 4)?,
    };
    let (_, dry_run) = read_mode(get(&row, 5)?)?;
    let data = job_data(job, number(&row, 0)?, counts, event == WebhookEvent::JobCancelled, dry_run.is_some());
    for webhook in &webhooks {
        add_message(session, tenant, get(webhook, 0)?, event.as_str(), &data).await?;
    }
    Ok(())
}

async fn execute(session: &Session, sql: &str, values: Values<'_>) -> Result<u64, PgError> {
    let statement = session.prepare_cached(sql).await?;
    Ok(session.execute(&statement, values).await?)
}

/// Lets one transaction at a time add endpoints of a tenant.
async fn lock_tenant(session: &Session, tenant: TenantId) -> Result<(), PgError> {
    let lock = session.prepare_cached("SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE").await?;
    session.query_opt(&lock, &[&tenant.0]).await?;
    Ok(())
}

/// Locks an endpoint, and returns whether it is disabled; `None` if there is none.
async fn lock_webhook(session: &Session, tenant: TenantId, id: Uuid) -> Result<Option<bool>, PgError> {
    const LOCK: &str = "SELECT disabled_at IS NOT NULL FROM webhooks WHERE tenant = $1 AND id = $2 FOR UPDATE";
    let lock = session.prepare_cached(LOCK).await?;
    let row = session.query_opt(&lock, &[&tenant.0, &id]).await?;
    Ok(row.map(|row| get(&row, 0)).transpose()?)
}

async fn change_webhook(
    session: &Session,
    tenant: TenantId,
    id: Uuid,
    change: &WebhookChange,
) -> Result<bool, PgError> {
    let Some(is_disabled) = lock_webhook(session, tenant, id).await? else { return Ok(false) };
    let shift = &session.clock_shift;
    if let Some(url) = &change.url {
        const URL: &str = "UPDATE webhooks SET url = $3 WHERE tenant = $1 AND id = $2";
        execute(session, URL, &[&tenant.0, &id, url]).await?;
    }
    if let Some(events) = &change.events {
        const EVENTS: &str = "UPDATE webhooks SET events = $3 WHERE tenant = $1 AND id = $2";
        execute(session, EVENTS, &[&tenant.0, &id, &events_column(events)]).await?;
    }
    if let Some((secret, old_for)) = &change.secret {
        const SECRET: &str = "
            UPDATE webhooks SET old_secret = secret, old_secret_until = bulkhead_now($1) + $5::bigint, secret = $4
            WHERE tenant = $2 AND id = $3";
        execute(session, SECRET, &[shift, &tenant.0, &id, secret, &signed(old_for.as_micros())]).await?;
    }
    match change.is_enabled {
        Some(true) if is_disabled => {
            const ENABLE: &str = "
                UPDATE webhooks SET disabled_at = NULL, disabled_reason = NULL, failures = 0, failing_since = NULL,
                                    free_at = 0, lease_until = 0, next_at = bulkhead_now($1)
                WHERE tenant = $2 AND id = $3";
            const MISSED: &str = "
                UPDATE webhook_messages SET due_at = bulkhead_now($1), attempts = 0
                WHERE tenant = $2 AND webhook = $3 AND delivered_at IS NULL";
            execute(session, ENABLE, &[shift, &tenant.0, &id]).await?;
            execute(session, MISSED, &[shift, &tenant.0, &id]).await?;
        }
        Some(false) if !is_disabled => disable(session, tenant, id, "It was disabled by its tenant.").await?,
        _ => {}
    }
    Ok(true)
}

/// Stores a message, and deletes the oldest beyond the bound. Returns the message's id.
async fn add_message(
    session: &Session,
    tenant: TenantId,
    webhook: Uuid,
    event: &str,
    data: &str,
) -> Result<Uuid, PgError> {
    const ADD: &str = "
        INSERT INTO webhook_messages (tenant, webhook, id, event, data, occurred_at, due_at)
        SELECT tenant, id, $4::uuid, $5::text, $6::text, bulkhead_now($1), CASE WHEN disabled_at IS NULL THEN bulkhead_now($1) END
        FROM webhooks WHERE tenant = $2 AND id = $3";
    const DUE: &str = "
        UPDATE webhooks SET next_at = greatest(free_at, least(next_at, bulkhead_now($1)))
        WHERE tenant = $2 AND id = $3 AND disabled_at IS NULL";
    const TRIM: &str = "
        DELETE FROM webhook_messages WHERE tenant = $1 AND webhook = $2 AND id IN (
          SELECT id FROM webhook_messages WHERE tenant = $1 AND webhook = $2
          ORDER BY occurred_at DESC, id OFFSET $3)";
    let (id, shift) = (Uuid::new_v4(), &session.clock_shift);
    execute(session, ADD, &[shift, &tenant.0, &webhook, &id, &event, &data]).await?;
    execute(session, DUE, &[shift, &tenant.0, &webhook]).await?;
    execute(session, TRIM, &[&tenant.0, &webhook, &MAX_MESSAGES]).await?;
    Ok(id)
}

async fn disable(session: &Session, tenant: TenantId, id: Uuid, reason: &str) -> Result<(), PgError> {
    const DISABLE: &str = "
        UPDATE webhooks SET disabled_at = bulkhead_now($1), disabled_reason = $4, next_at = NULL
        WHERE tenant = $2 AND id = $3";
    const MESSAGES: &str = "
        UPDATE webhook_messages SET due_at = NULL WHERE tenant = $1 AND webhook = $2 AND due_at IS NOT NULL";
    execute(session, DISABLE, &[&session.clock_shift, &tenant.0, &id, &reason]).await?;
    execute(session, MESSAGES, &[&tenant.0, &id]).await?;
    Ok(())
}

/// What there is to send.
enum Taken {
    Nothing,
    /// The endpoint that seemed to be due has nothing due yet, which is noted.
    Later,
    Message(Box<DueMessage>),
}

async fn take(session: &Session, lease: Duration, passing_over: &[i64]) -> Result<Taken, PgError> {
    const DUE: &str = "
        SELECT tenant, id, url, secret, old_secret, old_secret_until > bulkhead_now($1), failures, failing_since,
               bulkhead_now($1)
        FROM webhooks
        WHERE next_at <= bulkhead_now($1) AND disabled_at IS NULL AND lease_until <= bulkhead_now($1)
          AND tenant <> ALL ($2)
        ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED";
    const MESSAGE: &str = "
        SELECT id, event, data, occurred_at, attempts FROM webhook_messages
        WHERE tenant = $1 AND webhook = $2 AND due_at <= $3 ORDER BY due_at, occurred_at LIMIT 1";
    const LEASE: &str = "UPDATE webhooks SET lease_until = $3 WHERE tenant = $1 AND id = $2";
    let due = session.prepare_cached(DUE).await?;
    let Some(webhook) = session.query_opt(&due, &[&session.clock_shift, &passing_over]).await? else {
        return Ok(Taken::Nothing);
    };
    let (tenant, id, now) = (TenantId(get(&webhook, 0)?), get::<Uuid>(&webhook, 1)?, get::<i64>(&webhook, 8)?);
    let statement = session.prepare_cached(MESSAGE).await?;
    let Some(row) = session.query_opt(&statement, &[&tenant.0, &id, &now]).await? else {
        schedule(session, tenant, id).await?;
        return Ok(Taken::Later);
    };
    let lease_until = Timestamp(now).after(lease);
    execute(session, LEASE, &[&tenant.0, &id, &lease_until.0]).await?;
    let old: Option<String> = get(&webhook, 4)?;
    let is_old_valid: bool = get(&webhook, 5)?;
    Ok(Taken::Message(Box::new(DueMessage {
        tenant,
        webhook: id,
        url: get(&webhook, 2)?,
        secrets: [Some(get(&webhook, 3)?), old.filter(|_| is_old_valid)].into_iter().flatten().collect(),
        failures: number(&webhook, 6)?,
        failing_since: get::<Option<i64>>(&webhook, 7)?.map(Timestamp),
        id: get(&row, 0)?,
        event: get(&row, 1)?,
        data: get(&row, 2)?,
        occurred_at: Timestamp(get(&row, 3)?),
        attempts: number(&row, 4)?,
        lease_until,
        now: Timestamp(now),
    })))
}

/// Sets when the next attempt at an endpoint is due.
async fn schedule(session: &Session, tenant: TenantId, webhook: Uuid) -> Result<(), PgError> {
    const SCHEDULE: &str = "
        UPDATE webhooks SET next_at = (
          SELECT CASE WHEN min(due_at) IS NOT NULL THEN greatest(min(due_at), webhooks.free_at) END
          FROM webhook_messages WHERE tenant = $1 AND webhook = $2 AND due_at IS NOT NULL
        ) WHERE tenant = $1 AND id = $2";
    execute(session, SCHEDULE, &[&tenant.0, &webhook]).await.map(drop)
}

async fn finish(session: &Session, message: &DueMessage, outcome: &MessageOutcome) -> Result<(), PgError> {
    const FREE: &str = "
        UPDATE webhooks SET lease_until = 0, free_at = bulkhead_now($1) + $5::bigint,
          failures = CASE WHEN $6::boolean THEN 0 ELSE failures + 1 END,
          failing_since = CASE WHEN $6::boolean THEN NULL ELSE coalesce(failing_since, bulkhead_now($1)) END
        WHERE tenant = $2 AND id = $3 AND lease_until = $4";
    const FINISH: &str = "
        UPDATE webhook_messages SET attempts = attempts + 1, attempted_at = bulkhead_now($1), status = $5, note = $6,
          delivered_at = CASE WHEN $7::boolean THEN bulkhead_now($1) END, due_at = bulkhead_now($1) + $8::bigint
        WHERE tenant = $2 AND webhook = $3 AND id = $4";
    let DueMessage { tenant, webhook, id, lease_until, .. } = message;
    let (shift, hold) = (&session.clock_shift, signed(outcome.hold.as_micros()));
    let values: Values<'_> = &[shift, &tenant.0, webhook, &lease_until.0, &hold, &outcome.is_delivered];
    if execute(session, FREE, values).await? == 0 {
        return Ok(());
    }
    let status = outcome.status.map(i64::from);
    let again = outcome.again_after.map(|pause| signed(pause.as_micros()));
    let values: Values<'_> = &[shift, &tenant.0, webhook, id, &status, &outcome.note, &outcome.is_delivered, &again];
    execute(session, FINISH, values).await?;
    match &outcome.disable {
        Some(reason) => disable(session, *tenant, *webhook, reason).await,
        None => schedule(session, *tenant, *webhook).await,
    }
}

fn record(row: &Row) -> Result<WebhookRecord, StoreError> {
    let disabled_at = get::<Option<i64>>(row, 4)?.map(Timestamp);
    let reason: Option<String> = get(row, 5)?;
    Ok(WebhookRecord {
        id: get(row, 0)?,
        url: get(row, 1)?,
        events: read_events(get(row, 2)?),
        created_at: Timestamp(get(row, 3)?),
        disabled: disabled_at.map(|at| (at, reason.unwrap_or_default())),
        failures: number(row, 6)?,
        failing_since: get::<Option<i64>>(row, 7)?.map(Timestamp),
    })
}

fn message(row: &Row) -> Result<WebhookMessage, StoreError> {
    let time = |place| Ok::<_, StoreError>(get::<Option<i64>>(row, place)?.map(Timestamp));
    let status = get::<Option<i64>>(row, 6)?.and_then(|status| u16::try_from(status).ok());
    Ok(WebhookMessage {
        id: get(row, 0)?,
        event: get(row, 1)?,
        occurred_at: Timestamp(get(row, 2)?),
        attempts: number(row, 3)?,
        due_at: time(4)?,
        attempted_at: time(5)?,
        status,
        note: get(row, 7)?,
        delivered_at: time(8)?,
    })
}
