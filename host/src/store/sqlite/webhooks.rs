//! Where tenants want to be told of events, and the messages to them.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::SqliteStore;
use crate::domain::{Counts, JobId, TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::packing::read_mode;
use crate::store::webhooks::{MAX_MESSAGES, events_column, job_data, read_events};
use crate::store::{
    DueMessage, MessageOutcome, NewWebhook, StoreError, TEST_EVENT, WebhookChange, WebhookEvent, WebhookMessage,
    WebhookRecord, WebhookStore,
};

const CONTEXT: &str = "working on webhooks";

impl WebhookStore for SqliteStore {
    fn add_webhook(&self, tenant: TenantId, webhook: &NewWebhook, max: u32) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let added = connection.execute(
                "INSERT INTO webhooks (tenant, id, url, events, secret, created_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE (SELECT count(*) FROM webhooks WHERE tenant = ?1) < ?7
                   AND EXISTS (SELECT 1 FROM tenants WHERE id = ?1)",
                params![tenant.0, webhook.id, webhook.url, events_column(&webhook.events), webhook.secret, now.0, max],
            );
            Ok(added.context(CONTEXT)? > 0)
        })
    }

    fn webhooks(&self, tenant: TenantId) -> Result<Vec<WebhookRecord>, StoreError> {
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, url, events, created_at, disabled_at, disabled_reason, failures, failing_since
                     FROM webhooks WHERE tenant = ?1 ORDER BY created_at, id",
                )
                .and_then(|mut statement| statement.query_map([tenant.0], record)?.collect())
                .context(CONTEXT)
        })
    }

    fn change_webhook(&self, tenant: TenantId, id: Uuid, change: &WebhookChange) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let key = params![tenant.0, id];
            let known: Option<bool> = transaction
                .query_row("SELECT disabled_at IS NOT NULL FROM webhooks WHERE tenant = ?1 AND id = ?2", key, |row| {
                    row.get(0)
                })
                .optional()
                .context(CONTEXT)?;
            let Some(is_disabled) = known else { return Ok(false) };
            let run = |sql: &str, value: &dyn rusqlite::ToSql| {
                transaction.execute(sql, params![tenant.0, id, value]).map(drop).context(CONTEXT)
            };
            if let Some(url) = &change.url {
                run("UPDATE webhooks SET url = ?3 WHERE tenant = ?1 AND id = ?2", url)?;
            }
            if let Some(events) = &change.events {
                run("UPDATE webhooks SET events = ?3 WHERE tenant = ?1 AND id = ?2", &events_column(events))?;
            }
            if let Some((secret, old_for)) = &change.secret {
                let until = now.after(*old_for).0;
                transaction
                    .execute(
                        "UPDATE webhooks SET old_secret = secret, old_secret_until = ?4, secret = ?3
                         WHERE tenant = ?1 AND id = ?2",
                        params![tenant.0, id, secret, until],
                    )
                    .context(CONTEXT)?;
            }
            match change.is_enabled {
                Some(true) if is_disabled => {
                    run(
                        "UPDATE webhooks SET disabled_at = NULL, disabled_reason = NULL, failures = 0,
                                             failing_since = NULL, free_at = 0, lease_until = 0, next_at = ?3
                         WHERE tenant = ?1 AND id = ?2",
                        &now.0,
                    )?;
                    run(
                        "UPDATE webhook_messages SET due_at = ?3, attempts = 0
                         WHERE tenant = ?1 AND webhook = ?2 AND delivered_at IS NULL",
                        &now.0,
                    )?;
                }
                Some(false) if !is_disabled => {
                    disable(&transaction, tenant, id, "It was disabled by its tenant.", now)?
                }
                _ => {}
            }
            transaction.commit().context(CONTEXT)?;
            Ok(true)
        })
    }

    fn remove_webhook(&self, tenant: TenantId, id: Uuid) -> Result<bool, StoreError> {
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let key = params![tenant.0, id];
            let removed =
                transaction.execute("DELETE FROM webhooks WHERE tenant = ?1 AND id = ?2", key).context(CONTEXT)?;
            transaction
                .execute("DELETE FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2", key)
                .context(CONTEXT)?;
            transaction.commit().context(CONTEXT)?;
            Ok(removed > 0)
        })
    }

    fn test_webhook(&self, tenant: TenantId, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let known: Option<i64> = transaction
                .query_row("SELECT 1 FROM webhooks WHERE tenant = ?1 AND id = ?2", params![tenant.0, id], |row| {
                    row.get(0)
                })
                .optional()
                .context(CONTEXT)?;
            if known.is_none() {
                return Ok(None);
            }
            let message = add_message(&transaction, tenant, id, TEST_EVENT, "{}", now)?;
            transaction.commit().context(CONTEXT)?;
            Ok(Some(message))
        })
    }

    fn webhook_messages(&self, tenant: TenantId, webhook: Uuid, limit: u32) -> Result<Vec<WebhookMessage>, StoreError> {
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, event, occurred_at, attempts, due_at, attempted_at, status, note, delivered_at
                     FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2 ORDER BY occurred_at DESC, id LIMIT ?3",
                )
                .and_then(|mut statement| statement.query_map(params![tenant.0, webhook, limit], message)?.collect())
                .context(CONTEXT)
        })
    }

    fn replay_messages(&self, tenant: TenantId, webhook: Uuid, message: Option<Uuid>) -> Result<u64, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let replayed = transaction
                .execute(
                    "UPDATE webhook_messages SET due_at = ?3, attempts = 0, delivered_at = NULL
                     WHERE tenant = ?1 AND webhook = ?2 AND (id = ?4 OR (?4 IS NULL AND delivered_at IS NULL))
                       AND EXISTS (SELECT 1 FROM webhooks WHERE tenant = ?1 AND id = ?2 AND disabled_at IS NULL)",
                    params![tenant.0, webhook, now.0, message],
                )
                .context(CONTEXT)?;
            transaction
                .execute(
                    "UPDATE webhooks SET free_at = 0, next_at = ?3
                     WHERE tenant = ?1 AND id = ?2 AND disabled_at IS NULL AND ?4",
                    params![tenant.0, webhook, now.0, replayed > 0],
                )
                .context(CONTEXT)?;
            transaction.commit().context(CONTEXT)?;
            Ok(replayed as u64)
        })
    }

    fn take_message(&self, lease: Duration, passing_over: &[TenantId]) -> Result<Option<DueMessage>, StoreError> {
        let now = self.clock.now();
        let passing_over: Vec<i64> = passing_over.iter().map(|tenant| tenant.0).collect();
        let passing_over = serde_json::to_string(&passing_over).unwrap_or_default();
        // Nothing is written while nothing is due.
        if self.connections.read(|connection| due_webhook(connection, &passing_over, now))?.is_none() {
            return Ok(None);
        }
        self.connections.write_growing(0, |connection| take(connection, lease, &passing_over, now))
    }

    fn finish_message(&self, message: &DueMessage, outcome: &MessageOutcome) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.connections.write(|connection| finish(connection, message, outcome, now))
    }
}

/// Stores the messages of an event of a job that has ended in this transaction.
pub(super) fn tell_of_job(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    job: JobId,
    event: WebhookEvent,
    now: Timestamp,
) -> Result<(), StoreError> {
    let webhooks: Vec<Uuid> = transaction
        .prepare_cached("SELECT id FROM webhooks WHERE tenant = ?1 AND instr(events, ' ' || ?2 || ' ') > 0")
        .and_then(|mut statement| statement.query_map(params![tenant.0, event.as_str()], |row| row.get(0))?.collect())
        .context(CONTEXT)?;
    if webhooks.is_empty() {
        return Ok(());
    }
    let (total, counts, mode): (u32, Counts, Option<String>) = transaction
        .query_row(
            "SELECT total, created, updated, unchanged, failed, mode FROM jobs WHERE tenant = ?1 AND id = ?2",
            params![tenant.0, job.0],
            |row| {
                let counts =
                    Counts { created: row.get(1)?, updated: row.get(2)?, unchanged: row.get(3)?, failed: row.get(4)? };
                Ok((row.get(0)?, counts, row.get(5)?))
            },
        )
        .context(CONTEXT)?;
    let (_, dry_run) = read_mode(mode.as_deref())?;
    let data = job_data(job, total, counts, event == WebhookEvent::JobCancelled, dry_run.is_some());
    for webhook in webhooks {
        add_message(transaction, tenant, webhook, event.as_str(), &data, now)?;
    }
    Ok(())
}

/// Stores a message, and deletes the oldest beyond the bound. Returns the message's id.
fn add_message(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    webhook: Uuid,
    event: &str,
    data: &str,
    now: Timestamp,
) -> Result<Uuid, StoreError> {
    let id = Uuid::new_v4();
    for (sql, values) in [
        (
            "INSERT INTO webhook_messages (tenant, webhook, id, event, data, occurred_at, due_at)
             SELECT tenant, id, ?3, ?4, ?5, ?6, CASE WHEN disabled_at IS NULL THEN ?6 END
             FROM webhooks WHERE tenant = ?1 AND id = ?2",
            params![tenant.0, webhook, id, event, data, now.0],
        ),
        (
            "UPDATE webhooks SET next_at = max(free_at, min(coalesce(next_at, ?3), ?3))
             WHERE tenant = ?1 AND id = ?2 AND disabled_at IS NULL",
            params![tenant.0, webhook, now.0],
        ),
        (
            "DELETE FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2 AND id IN (
               SELECT id FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2
               ORDER BY occurred_at DESC, id LIMIT -1 OFFSET ?3)",
            params![tenant.0, webhook, MAX_MESSAGES],
        ),
    ] {
        transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).context(CONTEXT)?;
    }
    Ok(id)
}

fn disable(
    transaction: &Transaction<'_>,
    tenant: TenantId,
    id: Uuid,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE webhooks SET disabled_at = ?3, disabled_reason = ?4, next_at = NULL WHERE tenant = ?1 AND id = ?2",
            params![tenant.0, id, now.0, reason],
        )
        .context(CONTEXT)?;
    transaction
        .execute(
            "UPDATE webhook_messages SET due_at = NULL WHERE tenant = ?1 AND webhook = ?2 AND due_at IS NOT NULL",
            params![tenant.0, id],
        )
        .map(drop)
        .context(CONTEXT)
}

/// Returns the endpoint whose next attempt is due first.
fn due_webhook(
    connection: &Connection,
    passing_over: &str,
    now: Timestamp,
) -> Result<Option<(TenantId, Uuid)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT tenant, id FROM webhooks
             WHERE next_at <= ?1 AND disabled_at IS NULL AND lease_until <= ?1
               AND tenant NOT IN (SELECT value FROM json_each(?2))
             ORDER BY next_at LIMIT 1",
        )
        .and_then(|mut statement| {
            statement.query_row(params![now.0, passing_over], |row| Ok((TenantId(row.get(0)?), row.get(1)?))).optional()
        })
        .context(CONTEXT)
}

fn take(
    connection: &mut Connection,
    lease: Duration,
    passing_over: &str,
    now: Timestamp,
) -> Result<Option<DueMessage>, StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let Some((tenant, webhook)) = due_webhook(&transaction, passing_over, now)? else { return Ok(None) };
    let lease_until = now.after(lease);
    let taken = transaction
        .query_row(
            "SELECT webhooks.url, webhooks.secret, webhooks.old_secret, webhooks.old_secret_until, webhooks.failures,
                    webhooks.failing_since, message.id, message.event, message.data, message.occurred_at,
                    message.attempts
             FROM webhook_messages AS message
             JOIN webhooks ON webhooks.tenant = message.tenant AND webhooks.id = message.webhook
             WHERE message.tenant = ?1 AND message.webhook = ?2 AND message.due_at <= ?3
             ORDER BY message.due_at, message.occurred_at LIMIT 1",
            params![tenant.0, webhook, now.0],
            |row| {
                let (secret, old): (String, Option<String>) = (row.get(1)?, row.get(2)?);
                let is_old_valid = row.get::<_, i64>(3)? > now.0;
                Ok(DueMessage {
                    tenant,
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
                params![tenant.0, webhook, lease_until.0],
            )
            .map(drop)
            .context(CONTEXT)?,
        None => schedule(&transaction, tenant, webhook)?,
    }
    transaction.commit().context(CONTEXT)?;
    Ok(taken)
}

/// Sets when the next attempt at an endpoint is due.
fn schedule(transaction: &Transaction<'_>, tenant: TenantId, webhook: Uuid) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE webhooks SET next_at = (
               SELECT max(min(due_at), webhooks.free_at) FROM webhook_messages
               WHERE tenant = ?1 AND webhook = ?2 AND due_at IS NOT NULL
             ) WHERE tenant = ?1 AND id = ?2",
            params![tenant.0, webhook],
        )
        .map(drop)
        .context(CONTEXT)
}

fn finish(
    connection: &mut Connection,
    message: &DueMessage,
    outcome: &MessageOutcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
    let DueMessage { tenant, webhook, id, lease_until, .. } = message;
    let held = transaction
        .execute(
            "UPDATE webhooks SET lease_until = 0, free_at = ?4,
               failures = CASE WHEN ?5 THEN 0 ELSE failures + 1 END,
               failing_since = CASE WHEN ?5 THEN NULL ELSE coalesce(failing_since, ?6) END
             WHERE tenant = ?1 AND id = ?2 AND lease_until = ?3",
            params![tenant.0, webhook, lease_until.0, now.after(outcome.hold).0, outcome.is_delivered, now.0],
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
            params![tenant.0, webhook, id, now.0, outcome.status, outcome.note, outcome.is_delivered, again],
        )
        .context(CONTEXT)?;
    match &outcome.disable {
        Some(reason) => disable(&transaction, *tenant, *webhook, reason, now)?,
        None => schedule(&transaction, *tenant, *webhook)?,
    }
    transaction.commit().context(CONTEXT)
}

fn record(row: &Row<'_>) -> rusqlite::Result<WebhookRecord> {
    let disabled_at = row.get::<_, Option<i64>>(4)?.map(Timestamp);
    let reason: Option<String> = row.get(5)?;
    Ok(WebhookRecord {
        id: row.get(0)?,
        url: row.get(1)?,
        events: read_events(&row.get::<_, String>(2)?),
        created_at: Timestamp(row.get(3)?),
        disabled: disabled_at.map(|at| (at, reason.unwrap_or_default())),
        failures: row.get(6)?,
        failing_since: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    })
}

fn message(row: &Row<'_>) -> rusqlite::Result<WebhookMessage> {
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
