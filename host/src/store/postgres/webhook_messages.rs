//! The messages to endpoints: how they are kept, taken to be sent, and what comes of them.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::connections::Session;
use super::error::PgError;
use super::sql::{get, number, signed};
use super::webhooks::{Values, disable, execute};
use crate::domain::Timestamp;
use crate::store::webhooks::{MAX_MESSAGES, log_dropped};
use crate::store::{DueMessage, MessageOutcome, StoreError, WebhookMessage, WebhookOwner};

/// Stores a message under `id`, unless the endpoint has it already, and deletes what is beyond the bound.
pub(super) async fn add_message(
    session: &Session,
    owner: WebhookOwner,
    webhook: Uuid,
    id: Uuid,
    event: &str,
    data: &str,
) -> Result<(), PgError> {
    const ADD: &str = "
        INSERT INTO webhook_messages (tenant, webhook, id, event, data, occurred_at, due_at)
        SELECT tenant, id, $4::uuid, $5::text, $6::text, bulkhead_now($1), CASE WHEN disabled_at IS NULL THEN bulkhead_now($1) END
        FROM webhooks WHERE tenant = $2 AND id = $3
        ON CONFLICT DO NOTHING";
    const DUE: &str = "
        UPDATE webhooks SET next_at = greatest(free_at, least(next_at, bulkhead_now($1)))
        WHERE tenant = $2 AND id = $3 AND disabled_at IS NULL";
    let shift = &session.clock_shift;
    if execute(session, ADD, &[shift, &owner.column(), &webhook, &id, &event, &data]).await? == 0 {
        return Ok(());
    }
    execute(session, DUE, &[shift, &owner.column(), &webhook]).await?;
    trim(session, owner, webhook).await
}

/// Deletes the messages of an endpoint that are beyond the bound: the oldest that were taken, and without any the oldest.
async fn trim(session: &Session, owner: WebhookOwner, webhook: Uuid) -> Result<(), PgError> {
    const COUNT: &str = "SELECT count(*) FROM webhook_messages WHERE tenant = $1 AND webhook = $2";
    const TAKEN: &str = "
        DELETE FROM webhook_messages WHERE tenant = $1 AND webhook = $2 AND id IN (
          SELECT id FROM webhook_messages WHERE tenant = $1 AND webhook = $2 AND delivered_at IS NOT NULL
          ORDER BY occurred_at, id LIMIT $3)";
    const OLDEST: &str = "
        DELETE FROM webhook_messages WHERE tenant = $1 AND webhook = $2 AND id IN (
          SELECT id FROM webhook_messages WHERE tenant = $1 AND webhook = $2 ORDER BY occurred_at, id LIMIT $3)";
    let count = session.prepare_cached(COUNT).await?;
    let count: u32 = number(&session.query_one(&count, &[&owner.column(), &webhook]).await?, 0)?;
    let excess = u64::from(count.saturating_sub(MAX_MESSAGES));
    if excess == 0 {
        return Ok(());
    }
    let taken = execute(session, TAKEN, &[&owner.column(), &webhook, &signed(excess)]).await?;
    let rest = excess.saturating_sub(taken);
    if rest > 0 {
        let dropped = execute(session, OLDEST, &[&owner.column(), &webhook, &signed(rest)]).await?;
        log_dropped(tenant_name(session, owner).await?.as_deref(), webhook, dropped);
    }
    Ok(())
}

/// Returns the name of the tenant that an owner is.
async fn tenant_name(session: &Session, owner: WebhookOwner) -> Result<Option<String>, PgError> {
    let name = session.prepare_cached("SELECT name FROM tenants WHERE id = $1").await?;
    let row = session.query_opt(&name, &[&owner.column()]).await?;
    Ok(row.map(|row| get(&row, 0)).transpose()?)
}

/// Makes messages of an endpoint due that is not disabled, and returns how many.
pub(super) async fn replay(
    session: &Session,
    owner: WebhookOwner,
    webhook: Uuid,
    message: Option<Uuid>,
) -> Result<u64, PgError> {
    const REPLAY: &str = "
        UPDATE webhook_messages SET due_at = bulkhead_now($1), attempts = 0, delivered_at = NULL
        WHERE tenant = $2 AND webhook = $3 AND (id = $4 OR ($4::uuid IS NULL AND delivered_at IS NULL))";
    const DUE: &str = "
        UPDATE webhooks SET free_at = 0, next_at = bulkhead_now($1) WHERE tenant = $2 AND id = $3";
    let shift = &session.clock_shift;
    let replayed = execute(session, REPLAY, &[shift, &owner.column(), &webhook, &message]).await?;
    if replayed > 0 {
        execute(session, DUE, &[shift, &owner.column(), &webhook]).await?;
    }
    Ok(replayed)
}

/// What there is to send.
pub(super) enum Taken {
    /// Nothing is due.
    Nothing,
    /// The endpoint that seemed to be due has nothing due yet, which is noted.
    Later,
    /// A message.
    Message(Box<DueMessage>),
}

/// Takes the message of an endpoint that is due first.
pub(super) async fn take(session: &Session, lease: Duration, passing_over: &[i64]) -> Result<Taken, PgError> {
    const DUE: &str = "
        SELECT tenant, id, url, secret, old_secret, old_secret_until > bulkhead_now($1), failures, failing_since,
               bulkhead_now($1), (SELECT name FROM tenants WHERE tenants.id = webhooks.tenant)
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
    let (owner, id, now) = (WebhookOwner::read(get(&webhook, 0)?), get::<Uuid>(&webhook, 1)?, get::<i64>(&webhook, 8)?);
    let statement = session.prepare_cached(MESSAGE).await?;
    let Some(row) = session.query_opt(&statement, &[&owner.column(), &id, &now]).await? else {
        schedule(session, owner, id).await?;
        return Ok(Taken::Later);
    };
    let lease_until = Timestamp(now).after(lease);
    execute(session, LEASE, &[&owner.column(), &id, &lease_until.0]).await?;
    let old: Option<String> = get(&webhook, 4)?;
    let is_old_valid: bool = get(&webhook, 5)?;
    Ok(Taken::Message(Box::new(DueMessage {
        owner,
        tenant_name: get(&webhook, 9)?,
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
async fn schedule(session: &Session, owner: WebhookOwner, webhook: Uuid) -> Result<(), PgError> {
    const SCHEDULE: &str = "
        UPDATE webhooks SET next_at = (
          SELECT CASE WHEN min(due_at) IS NOT NULL THEN greatest(min(due_at), webhooks.free_at) END
          FROM webhook_messages WHERE tenant = $1 AND webhook = $2 AND due_at IS NOT NULL
        ) WHERE tenant = $1 AND id = $2";
    execute(session, SCHEDULE, &[&owner.column(), &webhook]).await.map(drop)
}

/// Stores what came of an attempt.
pub(super) async fn finish(session: &Session, message: &DueMessage, outcome: &MessageOutcome) -> Result<(), PgError> {
    const FREE: &str = "
        UPDATE webhooks SET lease_until = 0, free_at = bulkhead_now($1) + $5::bigint,
          failures = CASE WHEN $6::boolean THEN 0 ELSE failures + 1 END,
          failing_since = CASE WHEN $6::boolean THEN NULL ELSE coalesce(failing_since, bulkhead_now($1)) END
        WHERE tenant = $2 AND id = $3 AND lease_until = $4";
    const FINISH: &str = "
        UPDATE webhook_messages SET attempts = attempts + 1, attempted_at = bulkhead_now($1), status = $5, note = $6,
          delivered_at = CASE WHEN $7::boolean THEN bulkhead_now($1) END, due_at = bulkhead_now($1) + $8::bigint
        WHERE tenant = $2 AND webhook = $3 AND id = $4";
    let DueMessage { owner, webhook, id, lease_until, .. } = message;
    let (shift, hold) = (&session.clock_shift, signed(outcome.hold.as_micros()));
    let values: Values<'_> = &[shift, &owner.column(), webhook, &lease_until.0, &hold, &outcome.is_delivered];
    if execute(session, FREE, values).await? == 0 {
        return Ok(());
    }
    let status = outcome.status.map(i64::from);
    let again = outcome.again_after.map(|pause| signed(pause.as_micros()));
    let values: Values<'_> =
        &[shift, &owner.column(), webhook, id, &status, &outcome.note, &outcome.is_delivered, &again];
    execute(session, FINISH, values).await?;
    match &outcome.disable {
        Some(reason) => disable(session, *owner, *webhook, reason).await,
        None => schedule(session, *owner, *webhook).await,
    }
}

/// Reads a message, as it is listed.
pub(super) fn message(row: &Row) -> Result<WebhookMessage, StoreError> {
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
