//! Where tenants and operators want to be told of events, and which messages an event makes.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::PostgresStore;
use super::connections::{Session, TxOutcome};
use super::error::PgError;
use super::sql::{get, number, signed};
use super::webhook_messages::{Taken, add_message, finish, message, replay, take};
use crate::domain::{Counts, JobId, TenantId, Timestamp};
use crate::store::packing::read_mode;
use crate::store::webhooks::{disable_reason, events_column, job_data, read_events};
use crate::store::{
    DueMessage, FailingComponent, MessageOutcome, NewWebhook, StoreError, TEST_EVENT, WebhookChange, WebhookEvent,
    WebhookMessage, WebhookOwner, WebhookRecord, WebhookStore,
};

const CONTEXT: &str = "working on webhooks";

pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

impl WebhookStore for PostgresStore {
    fn add_webhook(&self, owner: WebhookOwner, webhook: &NewWebhook, max: u32) -> Result<bool, StoreError> {
        const ADD: &str = "
            INSERT INTO webhooks (tenant, id, url, events, secret, created_at)
            SELECT $2::bigint, $3::uuid, $4::text, $5::text, $6::text, bulkhead_now($1)
            WHERE (SELECT count(*) FROM webhooks WHERE tenant = $2) < $7::bigint
              AND ($8::boolean OR EXISTS (SELECT 1 FROM tenants WHERE id = $2))";
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    lock_owner(session, owner).await?;
                    let (events, max) = (events_column(&webhook.events), i64::from(max));
                    let (shift, is_operators) = (&session.clock_shift, owner == WebhookOwner::Operators);
                    let NewWebhook { id, url, secret, .. } = webhook;
                    let values: Values<'_> = &[shift, &owner.column(), id, url, &events, secret, &max, &is_operators];
                    Ok(TxOutcome::Commit(execute(session, ADD, values).await? > 0))
                })
                .await
        })
    }

    fn webhooks(&self, owner: WebhookOwner) -> Result<Vec<WebhookRecord>, StoreError> {
        const LIST: &str = "
            SELECT id, url, events, created_at, disabled_at, disabled_reason, failures, failing_since
            FROM webhooks WHERE tenant = $1 ORDER BY created_at, id";
        self.connections.run(CONTEXT, async |session| {
            let list = session.prepare_cached(LIST).await?;
            let rows = session.query(&list, &[&owner.column()]).await?;
            Ok(rows.iter().map(record).collect::<Result<_, StoreError>>()?)
        })
    }

    fn all_webhooks(&self, limit: u32) -> Result<Vec<(Option<String>, WebhookRecord)>, StoreError> {
        const LIST: &str = "
            SELECT webhooks.id, url, events, webhooks.created_at, disabled_at, disabled_reason, failures, failing_since, name
            FROM webhooks LEFT JOIN tenants ON tenants.id = webhooks.tenant
            ORDER BY disabled_at IS NULL AND failing_since IS NULL, name NULLS FIRST, webhooks.created_at, webhooks.id LIMIT $1";
        self.connections.run(CONTEXT, async |session| {
            let list = session.prepare_cached(LIST).await?;
            let rows = session.query(&list, &[&i64::from(limit)]).await?;
            let webhook = |row| Ok((get(row, 8)?, record(row)?));
            Ok(rows.iter().map(webhook).collect::<Result<_, StoreError>>()?)
        })
    }

    fn change_webhook(&self, owner: WebhookOwner, id: Uuid, change: &WebhookChange) -> Result<bool, StoreError> {
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let known = change_webhook(session, owner, id, change).await?;
                    Ok(if known { TxOutcome::Commit(true) } else { TxOutcome::RollBack(false) })
                })
                .await
        })
    }

    fn remove_webhook(&self, owner: WebhookOwner, id: Uuid) -> Result<bool, StoreError> {
        const REMOVE: &str = "DELETE FROM webhooks WHERE tenant = $1 AND id = $2";
        const MESSAGES: &str = "DELETE FROM webhook_messages WHERE tenant = $1 AND webhook = $2";
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let removed = execute(session, REMOVE, &[&owner.column(), &id]).await?;
                    execute(session, MESSAGES, &[&owner.column(), &id]).await?;
                    Ok(TxOutcome::Commit(removed > 0))
                })
                .await
        })
    }

    fn test_webhook(&self, owner: WebhookOwner, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    if lock_webhook(session, owner, id).await?.is_none() {
                        return Ok(TxOutcome::RollBack(None));
                    }
                    let message = Uuid::new_v4();
                    add_message(session, owner, id, message, TEST_EVENT, "{}").await?;
                    Ok(TxOutcome::Commit(Some(message)))
                })
                .await
        })
    }

    fn tell_of_failing_component(&self, failing: &FailingComponent<'_>) -> Result<(), StoreError> {
        const NOW: &str = "SELECT bulkhead_now($1)";
        let (owner, event) = (WebhookOwner::Operators, WebhookEvent::ComponentFailing);
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    let now = session.prepare_cached(NOW).await?;
                    let now = Timestamp(get(&session.query_one(&now, &[&session.clock_shift]).await?, 0)?);
                    for webhook in lock_webhooks_for(session, owner, event).await? {
                        let id = failing.message_id(webhook, now);
                        add_message(session, owner, webhook, id, event.as_str(), &failing.data()).await?;
                    }
                    Ok(TxOutcome::Commit(()))
                })
                .await
        })
    }

    fn webhook_messages(
        &self,
        owner: WebhookOwner,
        webhook: Uuid,
        limit: u32,
    ) -> Result<Vec<WebhookMessage>, StoreError> {
        const LIST: &str = "
            SELECT id, event, occurred_at, attempts, due_at, attempted_at, status, note, delivered_at
            FROM webhook_messages WHERE tenant = $1 AND webhook = $2 ORDER BY occurred_at DESC, id LIMIT $3";
        self.connections.run(CONTEXT, async |session| {
            let list = session.prepare_cached(LIST).await?;
            let rows = session.query(&list, &[&owner.column(), &webhook, &i64::from(limit)]).await?;
            Ok(rows.iter().map(message).collect::<Result<_, StoreError>>()?)
        })
    }

    fn replay_messages(&self, owner: WebhookOwner, webhook: Uuid, message: Option<Uuid>) -> Result<u64, StoreError> {
        self.connections.run(CONTEXT, async |session| {
            session
                .transact(async || {
                    session.begin().await?;
                    if lock_webhook(session, owner, webhook).await? != Some(false) {
                        return Ok(TxOutcome::RollBack(0));
                    }
                    let replayed = replay(session, owner, webhook, message).await?;
                    Ok(TxOutcome::Commit(replayed))
                })
                .await
        })
    }

    fn take_message(&self, lease: Duration, passing_over: &[WebhookOwner]) -> Result<Option<DueMessage>, StoreError> {
        let passing_over: Vec<i64> = passing_over.iter().map(|owner| owner.column()).collect();
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
    const JOB: &str = "SELECT total, created, updated, unchanged, failed, mode, deleted, undo_of FROM jobs WHERE tenant = $1 AND id = $2";
    let owner = WebhookOwner::Tenant(tenant);
    let webhooks = lock_webhooks_for(session, owner, event).await?;
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
        deleted: number(&row, 6)?,
    };
    let undoes = get::<Option<Uuid>>(&row, 7)?.map(JobId);
    let (_, dry_run) = read_mode(get(&row, 5)?)?;
    let is_cancelled = event == WebhookEvent::JobCancelled;
    let data = job_data(job, number(&row, 0)?, counts, is_cancelled, dry_run.is_some(), undoes);
    for webhook in webhooks {
        add_message(session, owner, webhook, Uuid::new_v4(), event.as_str(), &data).await?;
    }
    Ok(())
}

/// Locks an owner's endpoints that want to be told of an event, in the order of their ids.
async fn lock_webhooks_for(session: &Session, owner: WebhookOwner, event: WebhookEvent) -> Result<Vec<Uuid>, PgError> {
    const WEBHOOKS: &str = "
        SELECT id FROM webhooks WHERE tenant = $1 AND strpos(events, ' ' || $2::text || ' ') > 0 ORDER BY id FOR UPDATE";
    let webhooks = session.prepare_cached(WEBHOOKS).await?;
    let rows = session.query(&webhooks, &[&owner.column(), &event.as_str()]).await?;
    Ok(rows.iter().map(|row| get(row, 0)).collect::<Result<_, StoreError>>()?)
}

/// Executes a statement, and returns how many rows it changed.
pub(super) async fn execute(session: &Session, sql: &str, values: Values<'_>) -> Result<u64, PgError> {
    let statement = session.prepare_cached(sql).await?;
    Ok(session.execute(&statement, values).await?)
}

/// Lets one transaction at a time add endpoints of an owner; to be called first.
async fn lock_owner(session: &Session, owner: WebhookOwner) -> Result<(), PgError> {
    let lock = match owner {
        WebhookOwner::Tenant(_) => "SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE",
        // Operators have no row.
        WebhookOwner::Operators => "SELECT pg_advisory_xact_lock(hashtext('bulkhead operators'), $1::bigint::int)",
    };
    let lock = session.prepare_cached(lock).await?;
    session.query_opt(&lock, &[&owner.column()]).await?;
    Ok(())
}

/// Locks an endpoint, and returns whether it is disabled; `None` if there is none.
async fn lock_webhook(session: &Session, owner: WebhookOwner, id: Uuid) -> Result<Option<bool>, PgError> {
    const LOCK: &str = "SELECT disabled_at IS NOT NULL FROM webhooks WHERE tenant = $1 AND id = $2 FOR UPDATE";
    let lock = session.prepare_cached(LOCK).await?;
    let row = session.query_opt(&lock, &[&owner.column(), &id]).await?;
    Ok(row.map(|row| get(&row, 0)).transpose()?)
}

async fn change_webhook(
    session: &Session,
    owner: WebhookOwner,
    id: Uuid,
    change: &WebhookChange,
) -> Result<bool, PgError> {
    let Some(is_disabled) = lock_webhook(session, owner, id).await? else { return Ok(false) };
    let shift = &session.clock_shift;
    if let Some(url) = &change.url {
        const URL: &str = "UPDATE webhooks SET url = $3 WHERE tenant = $1 AND id = $2";
        execute(session, URL, &[&owner.column(), &id, url]).await?;
    }
    if let Some(events) = &change.events {
        const EVENTS: &str = "UPDATE webhooks SET events = $3 WHERE tenant = $1 AND id = $2";
        execute(session, EVENTS, &[&owner.column(), &id, &events_column(events)]).await?;
    }
    if let Some((secret, old_for)) = &change.secret {
        const SECRET: &str = "
            UPDATE webhooks SET old_secret = secret, old_secret_until = bulkhead_now($1) + $5::bigint, secret = $4
            WHERE tenant = $2 AND id = $3";
        execute(session, SECRET, &[shift, &owner.column(), &id, secret, &signed(old_for.as_micros())]).await?;
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
            execute(session, ENABLE, &[shift, &owner.column(), &id]).await?;
            execute(session, MISSED, &[shift, &owner.column(), &id]).await?;
        }
        Some(false) if !is_disabled => disable(session, owner, id, disable_reason(change)).await?,
        _ => {}
    }
    Ok(true)
}

/// Disables an endpoint, and has none of its messages sent.
pub(super) async fn disable(session: &Session, owner: WebhookOwner, id: Uuid, reason: &str) -> Result<(), PgError> {
    const DISABLE: &str = "
        UPDATE webhooks SET disabled_at = bulkhead_now($1), disabled_reason = $4, next_at = NULL
        WHERE tenant = $2 AND id = $3";
    const MESSAGES: &str = "
        UPDATE webhook_messages SET due_at = NULL WHERE tenant = $1 AND webhook = $2 AND due_at IS NOT NULL";
    execute(session, DISABLE, &[&session.clock_shift, &owner.column(), &id, &reason]).await?;
    execute(session, MESSAGES, &[&owner.column(), &id]).await?;
    Ok(())
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
