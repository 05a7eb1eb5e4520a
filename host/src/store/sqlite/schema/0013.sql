-- Where tenants want to be told of events, and what they are told.

-- `next_at`: when the next attempt is due; null if no message is due. No attempt is made before `free_at`, nor while another server
-- makes one (`lease_until`). `old_secret` signs beside `secret` until `old_secret_until`.
CREATE TABLE webhooks (
  tenant           INTEGER NOT NULL,
  id               BLOB    NOT NULL,
  url              TEXT    NOT NULL,
  events           TEXT    NOT NULL,
  secret           TEXT    NOT NULL,
  old_secret       TEXT,
  old_secret_until INTEGER NOT NULL DEFAULT 0,
  created_at       INTEGER NOT NULL,
  disabled_at      INTEGER,
  disabled_reason  TEXT,
  failures         INTEGER NOT NULL DEFAULT 0,
  failing_since    INTEGER,
  free_at          INTEGER NOT NULL DEFAULT 0,
  next_at          INTEGER,
  lease_until      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_due ON webhooks (next_at) WHERE next_at IS NOT NULL;

-- `due_at` is null if no attempt follows: the message was taken, or given up, or its endpoint is disabled.
CREATE TABLE webhook_messages (
  tenant           INTEGER NOT NULL,
  webhook          BLOB    NOT NULL,
  id               BLOB    NOT NULL,
  event            TEXT    NOT NULL,
  data             TEXT    NOT NULL,
  occurred_at      INTEGER NOT NULL,
  attempts         INTEGER NOT NULL DEFAULT 0,
  due_at           INTEGER,
  attempted_at     INTEGER,
  status           INTEGER,
  note             TEXT,
  delivered_at     INTEGER,
  PRIMARY KEY (tenant, webhook, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_messages_due ON webhook_messages (tenant, webhook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_messages_in_order ON webhook_messages (tenant, webhook, occurred_at);
