//! The messages to endpoints: how they are kept, taken to be sent, and what comes of them.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::webhooks::{CONTEXT, disable};
use crate::domain::Timestamp;
use crate::store::error::Context;
use crate::store::webhooks::{MAX_MESSAGES, log_dropped};
use crate::store::{DueMessage, MessageOutcome, StoreError, WebhookMessage, WebhookOwner};

/// Stores a message under `id`, unless the endpoint has it already, and deletes what is beyond the bound.
pub(super) fn add_message(
    transaction: &Transaction<'_>,
    owner: WebhookOwner,
    webhook: Uuid,
    id: Uuid,
    event: &str,
    data: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let added = transaction
        .prepare_cached(
            "INSERT INTO webhook_messages (tenant, webhook, id, event, data, occurred_at, due_at)
             SELECT tenant, id, ?3, ?4, ?5, ?6, CASE WHEN disabled_at IS NULL THEN ?6 END
             FROM webhooks WHERE tenant = ?1 AND id = ?2
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| statement.execute(params![owner.column(), webhook, id, event, data, now.0]))
        .context(CONTEXT)?;
    if added == 0 {
        return Ok(());
    }
    transaction
        .prepare_cached(
            "UPDATE webhooks SET next_at = max(free_at, min(coalesce(next_at, ?3), ?3))
             WHERE tenant = ?1 AND id = ?2 AND disabled_at IS NULL",
        )
        .and_then(|mut statement| statement.execute(params![owner.column(), webhook, now.0]))
        .context(CONTEXT)?;
    trim(transaction, owner, webhook)
}

/// Deletes the messages of an endpoint that are beyond the bound: the oldest that were taken, and without any the oldest.
fn trim(transaction: &Transaction<'_>, owner: WebhookOwner, webhook: Uuid) -> Result<(), StoreError> {
    const COUNT: &str = "SELECT count(*) FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2";
    const TAKEN: &str = "
        DELETE FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2 AND id IN (
          SELECT id FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2 AND delivered_at IS NOT NULL
          ORDER BY occurred_at, id LIMIT ?3)";
    const OLDEST: &str = "
        DELETE FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2 AND id IN (
          SELECT id FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2 ORDER BY occurred_at, id LIMIT ?3)";
    let count: u32 = transaction
        .prepare_cached(COUNT)
        .and_then(|mut statement| statement.query_row(params![owner.column(), webhook], |row| row.get(0)))
        .context(CONTEXT)?;
    let delete = |sql: &str, excess: u32| -> Result<u32, StoreError> {
        if excess == 0 {
            return Ok(0);
        }
        let deleted = transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params![owner.column(), webhook, excess]))
            .context(CONTEXT)?;
        Ok(u32::try_from(deleted).unwrap_or(excess))
    };
    let excess = count.saturating_sub(MAX_MESSAGES);
    let dropped = delete(OLDEST, excess.saturating_sub(delete(TAKEN, excess)?))?;
    if dropped > 0 {
        log_dropped(tenant_name(transaction, owner)?.as_deref(), webhook, dropped.into());
    }
    Ok(())
}

/// Returns the name of the tenant that an owner is.
fn tenant_name(transaction: &Transaction<'_>, owner: WebhookOwner) -> Result<Option<String>, StoreError> {
    transaction
        .query_row("SELECT name FROM tenants WHERE id = ?1", [owner.column()], |row| row.get(0))
        .optional()
        .context(CONTEXT)
}

/// Makes messages due, and returns how many.
pub(super) fn replay(
    transaction: &Transaction<'_>,
    owner: WebhookOwner,
    webhook: Uuid,
    message: Option<Uuid>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let replayed = transaction
        .execute(
            "UPDATE webhook_messages SET due_at = ?3, attempts = 0, delivered_at = NULL
             WHERE tenant = ?1 AND webhook = ?2 AND (id = ?4 OR (?4 IS NULL AND delivered_at IS NULL))
               AND EXISTS (SELECT 1 FROM webhooks WHERE tenant = ?1 AND id = ?2 AND disabled_at IS NULL)",
            params![owner.column(), webhook, now.0, message],
        )
        .context(CONTEXT)?;
    transaction
        .execute(
            "UPDATE webhooks SET free_at = 0, next_at = ?3
             WHERE tenant = ?1 AND id = ?2 AND disabled_at IS NULL AND ?4",
            params![owner.column(), webhook, now.0, replayed > 0],
        )
        .context(CONTEXT)?;
    Ok(replayed as u64)
}

/// Returns the endpoint whose next attempt is due first.
pub(super) fn due_webhook(
    connection: &Connection,
    passing_over: &str,
    now: Timestamp,
) -> Result<Option<(WebhookOwner, Uuid)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT tenant, id FROM webhooks
             WHERE next_at <= ?1 AND disabled_at IS NULL AND lease_until <= ?1
               AND tenant NOT IN (SELECT value FROM json_each(?2))
             ORDER BY next_at LIMIT 1",
        )
        .and_then(|mut statement| {
            let owner_and_id = |row: &Row<'_>| Ok((WebhookOwner::read(row.get(0)?), row.get(1)?));
            statement.query_row(params![now.0, passing_over], owner_and_id).optional()
        })
        .context(CONTEXT)
}

/// Takes the message of an endpoint that is due first.
pub(super) fn take(
    connection: &mut Connection,
    lease: Duration,
    passing_over: &str,
    now: Timestamp,
) -> Result<Option<DueMessage>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let Some((owner, webhook)) = due_webhook(&transaction, passing_over, now)? else { return Ok(None) };
    let lease_until = now.after(lease);
    let taken = transaction
        .query_row(
            "SELECT webhooks.url, webhooks.secret, webhooks.old_secret, webhooks.old_secret_until, webhooks.failures,
                    webhooks.failing_since, message.id, message.event, message.data, message.occurred_at,
                    message.attempts, tenants.name
             FROM webhook_messages AS message
             JOIN webhooks ON webhooks.tenant = message.tenant AND webhooks.id = message.webhook
             LEFT JOIN tenants ON tenants.id = message.tenant
             WHERE message.tenant = ?1 AND message.webhook = ?2 AND message.due_at <= ?3
             ORDER BY message.due_at, message.occurred_at LIMIT 1",
            params![owner.column(), webhook, now.0],
            |row| {
                let (secret, old): (String, Option<String>) = (row.get(1)?, row.get(2)?);
                let is_old_valid = row.get::<_, i64>(3)? > now.0;
                Ok(DueMessage {
                    owner,
                    tenant_name: row.get(11)?,
                    webhook,
                    url: row.get(0)?,
                    secrets: [Some(secret), old.filter(|_| is_old_valid)].into_iter().flatten().collect(),
                    failures: row.get(4)?,
                    failing_since: row.get::<_, Option<i64>>(5)?.map(Timestamp),
                    id: row.get(6)?,
                    event: row.get(7)?,
                    data: row.get(8)?,
                    occurred_at: Timestamp(row.get(9)?),
                    attempts: row.get(10)?,
                    lease_until,
                    now,
                })
            },
        )
        .optional()
        .context(CONTEXT)?;
    match taken {
        Some(_) => transaction
            .execute(
                "UPDATE webhooks SET lease_until = ?3 WHERE tenant = ?1 AND id = ?2",
                params![owner.column(), webhook, lease_until.0],
            )
            .map(drop)
            .context(CONTEXT)?,
        None => schedule(&transaction, owner, webhook)?,
    }
    transaction.commit().context(CONTEXT)?;
    Ok(taken)
}

/// Sets when the next attempt at an endpoint is due.
fn schedule(transaction: &Transaction<'_>, owner: WebhookOwner, webhook: Uuid) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE webhooks SET next_at = (
               SELECT max(min(due_at), webhooks.free_at) FROM webhook_messages
               WHERE tenant = ?1 AND webhook = ?2 AND due_at IS NOT NULL
             ) WHERE tenant = ?1 AND id = ?2",
            params![owner.column(), webhook],
        )
        .map(drop)
        .context(CONTEXT)
}

/// Stores what came of an attempt.
pub(super) fn finish(
    connection: &mut Connection,
    message: &DueMessage,
    outcome: &MessageOutcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let DueMessage { owner, webhook, id, lease_until, .. } = message;
    let held = transaction
        .execute(
            "UPDATE webhooks SET lease_until = 0, free_at = ?4,
               failures = CASE WHEN ?5 THEN 0 ELSE failures + 1 END,
               failing_since = CASE WHEN ?5 THEN NULL ELSE coalesce(failing_since, ?6) END
             WHERE tenant = ?1 AND id = ?2 AND lease_until = ?3",
            params![owner.column(), webhook, lease_until.0, now.after(outcome.hold).0, outcome.is_delivered, now.0],
        )
        .context(CONTEXT)?;
    if held == 0 {
        return Ok(());
    }
    let again = outcome.again_after.map(|pause| now.after(pause).0);
    transaction
        .execute(
            "UPDATE webhook_messages SET attempts = attempts + 1, attempted_at = ?4, status = ?5, note = ?6,
                                         delivered_at = CASE WHEN ?7 THEN ?4 END, due_at = ?8
             WHERE tenant = ?1 AND webhook = ?2 AND id = ?3",
            params![owner.column(), webhook, id, now.0, outcome.status, outcome.note, outcome.is_delivered, again],
        )
        .context(CONTEXT)?;
    match &outcome.disable {
        Some(reason) => disable(&transaction, *owner, *webhook, reason, now)?,
        None => schedule(&transaction, *owner, *webhook)?,
    }
    transaction.commit().context(CONTEXT)
}

/// Reads a message, as it is listed.
pub(super) fn message(row: &Row<'_>) -> rusqlite::Result<WebhookMessage> {
    let time = |place| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(place)?.map(Timestamp));
    Ok(WebhookMessage {
        id: row.get(0)?,
        event: row.get(1)?,
        occurred_at: Timestamp(row.get(2)?),
        attempts: row.get(3)?,
        due_at: time(4)?,
        attempted_at: time(5)?,
        status: row.get(6)?,
        note: row.get(7)?,
        delivered_at: time(8)?,
    })
}
