//! Where tenants and operators want to be told of events, and which messages an event makes.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::SqliteStore;
use super::webhook_messages::{add_message, due_webhook, finish, message, replay, take};
use crate::domain::{Counts, JobId, TenantId, Timestamp};
use crate::store::error::Context;
use crate::store::packing::read_mode;
use crate::store::webhooks::{disable_reason, events_column, job_data, read_events};
use crate::store::{
    DueMessage, FailingComponent, MessageOutcome, NewWebhook, StoreError, TEST_EVENT, WebhookChange, WebhookEvent,
    WebhookMessage, WebhookOwner, WebhookRecord, WebhookStore,
};

pub(super) const CONTEXT: &str = "working on webhooks";

impl WebhookStore for SqliteStore {
    fn add_webhook(&self, owner: WebhookOwner, webhook: &NewWebhook, max: u32) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let added = connection.execute(
                "INSERT INTO webhooks (tenant, id, url, events, secret, created_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE (SELECT count(*) FROM webhooks WHERE tenant = ?1) < ?7
                   AND (?8 OR EXISTS (SELECT 1 FROM tenants WHERE id = ?1))",
                params![
                    owner.column(),
                    webhook.id,
                    webhook.url,
                    events_column(&webhook.events),
                    webhook.secret,
                    now.0,
                    max,
                    owner == WebhookOwner::Operators,
                ],
            );
            Ok(added.context(CONTEXT)? > 0)
        })
    }

    fn webhooks(&self, owner: WebhookOwner) -> Result<Vec<WebhookRecord>, StoreError> {
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, url, events, created_at, disabled_at, disabled_reason, failures, failing_since
                     FROM webhooks WHERE tenant = ?1 ORDER BY created_at, id",
                )
                .and_then(|mut statement| statement.query_map([owner.column()], record)?.collect())
                .context(CONTEXT)
        })
    }

    fn all_webhooks(&self, limit: u32) -> Result<Vec<(Option<String>, WebhookRecord)>, StoreError> {
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT webhooks.id, url, events, webhooks.created_at, disabled_at, disabled_reason, failures, failing_since, name
                     FROM webhooks LEFT JOIN tenants ON tenants.id = webhooks.tenant
                     ORDER BY disabled_at IS NULL AND failing_since IS NULL, name, webhooks.created_at, webhooks.id LIMIT ?1",
                )
                .and_then(|mut statement| statement.query_map([limit], |row| Ok((row.get(8)?, record(row)?)))?.collect())
                .context(CONTEXT)
        })
    }

    fn change_webhook(&self, owner: WebhookOwner, id: Uuid, change: &WebhookChange) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let key = params![owner.column(), id];
            let known: Option<bool> = transaction
                .query_row("SELECT disabled_at IS NOT NULL FROM webhooks WHERE tenant = ?1 AND id = ?2", key, |row| {
                    row.get(0)
                })
                .optional()
                .context(CONTEXT)?;
            let Some(is_disabled) = known else { return Ok(false) };
            let run = |sql: &str, value: &dyn rusqlite::ToSql| {
                transaction.execute(sql, params![owner.column(), id, value]).map(drop).context(CONTEXT)
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
                        params![owner.column(), id, secret, until],
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
                    disable(&transaction, owner, id, disable_reason(change), now)?;
                }
                _ => {}
            }
            transaction.commit().context(CONTEXT)?;
            Ok(true)
        })
    }

    fn remove_webhook(&self, owner: WebhookOwner, id: Uuid) -> Result<bool, StoreError> {
        self.connections.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let key = params![owner.column(), id];
            let removed =
                transaction.execute("DELETE FROM webhooks WHERE tenant = ?1 AND id = ?2", key).context(CONTEXT)?;
            transaction
                .execute("DELETE FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2", key)
                .context(CONTEXT)?;
            transaction.commit().context(CONTEXT)?;
            Ok(removed > 0)
        })
    }

    fn test_webhook(&self, owner: WebhookOwner, id: Uuid) -> Result<Option<Uuid>, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let known: Option<i64> = transaction
                .query_row("SELECT 1 FROM webhooks WHERE tenant = ?1 AND id = ?2", params![owner.column(), id], |row| {
                    row.get(0)
                })
                .optional()
                .context(CONTEXT)?;
            if known.is_none() {
                return Ok(None);
            }
            let message = Uuid::new_v4();
            add_message(&transaction, owner, id, message, TEST_EVENT, "{}", now)?;
            transaction.commit().context(CONTEXT)?;
            Ok(Some(message))
        })
    }

    fn tell_of_failing_component(&self, failing: &FailingComponent<'_>) -> Result<(), StoreError> {
        let (now, owner, event) = (self.clock.now(), WebhookOwner::Operators, WebhookEvent::ComponentFailing);
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            for webhook in webhooks_for(&transaction, owner, event)? {
                let id = failing.message_id(webhook, now);
                add_message(&transaction, owner, webhook, id, event.as_str(), &failing.data(), now)?;
            }
            transaction.commit().context(CONTEXT)
        })
    }

    fn webhook_messages(
        &self,
        owner: WebhookOwner,
        webhook: Uuid,
        limit: u32,
    ) -> Result<Vec<WebhookMessage>, StoreError> {
        self.connections.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, event, occurred_at, attempts, due_at, attempted_at, status, note, delivered_at
                     FROM webhook_messages WHERE tenant = ?1 AND webhook = ?2 ORDER BY occurred_at DESC, id LIMIT ?3",
                )
                .and_then(|mut statement| {
                    statement.query_map(params![owner.column(), webhook, limit], message)?.collect()
                })
                .context(CONTEXT)
        })
    }

    fn replay_messages(&self, owner: WebhookOwner, webhook: Uuid, message: Option<Uuid>) -> Result<u64, StoreError> {
        let now = self.clock.now();
        self.connections.write_growing(0, |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).context(CONTEXT)?;
            let replayed = replay(&transaction, owner, webhook, message, now)?;
            transaction.commit().context(CONTEXT)?;
            Ok(replayed)
        })
    }

    fn take_message(&self, lease: Duration, passing_over: &[WebhookOwner]) -> Result<Option<DueMessage>, StoreError> {
        let now = self.clock.now();
        let passing_over: Vec<i64> = passing_over.iter().map(|owner| owner.column()).collect();
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
    let owner = WebhookOwner::Tenant(tenant);
    let webhooks = webhooks_for(transaction, owner, event)?;
    if webhooks.is_empty() {
        return Ok(());
    }
    let (total, counts, mode, undoes): (u32, Counts, Option<String>, Option<Uuid>) = transaction
        .query_row(
            "SELECT total, created, updated, unchanged, failed, mode, deleted, undo_of FROM jobs WHERE tenant = ?1 AND id = ?2",
            params![tenant.0, job.0],
            |row| {
                let counts = Counts {
                    created: row.get(1)?,
                    updated: row.get(2)?,
                    unchanged: row.get(3)?,
                    failed: row.get(4)?,
                    deleted: row.get(6)?,
                };
                Ok((row.get(0)?, counts, row.get(5)?, row.get(7)?))
            },
        )
        .context(CONTEXT)?;
    let (_, dry_run) = read_mode(mode.as_deref())?;
    let is_cancelled = event == WebhookEvent::JobCancelled;
    let data = job_data(job, total, counts, is_cancelled, dry_run.is_some(), undoes.map(JobId));
    for webhook in webhooks {
        add_message(transaction, owner, webhook, Uuid::new_v4(), event.as_str(), &data, now)?;
    }
    Ok(())
}

/// Returns an owner's endpoints that want to be told of an event.
fn webhooks_for(
    transaction: &Transaction<'_>,
    owner: WebhookOwner,
    event: WebhookEvent,
) -> Result<Vec<Uuid>, StoreError> {
    transaction
        .prepare_cached("SELECT id FROM webhooks WHERE tenant = ?1 AND instr(events, ' ' || ?2 || ' ') > 0")
        .and_then(|mut statement| {
            statement.query_map(params![owner.column(), event.as_str()], |row| row.get(0))?.collect()
        })
        .context(CONTEXT)
}

/// Disables an endpoint, and has none of its messages sent.
pub(super) fn disable(
    transaction: &Transaction<'_>,
    owner: WebhookOwner,
    id: Uuid,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "UPDATE webhooks SET disabled_at = ?3, disabled_reason = ?4, next_at = NULL WHERE tenant = ?1 AND id = ?2",
            params![owner.column(), id, now.0, reason],
        )
        .context(CONTEXT)?;
    transaction
        .execute(
            "UPDATE webhook_messages SET due_at = NULL WHERE tenant = ?1 AND webhook = ?2 AND due_at IS NOT NULL",
            params![owner.column(), id],
        )
        .map(drop)
        .context(CONTEXT)
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
