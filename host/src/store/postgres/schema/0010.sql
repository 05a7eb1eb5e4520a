-- Where tenants want to be told of events, and what they are told.

-- `next_at`: when the next attempt is due; null if no message is due. No attempt is made before `free_at`, nor while another server
-- makes one (`lease_until`). `old_secret` signs beside `secret` until `old_secret_until`.
CREATE TABLE webhooks (
  tenant           bigint NOT NULL,
  id               uuid    NOT NULL,
  url              text    NOT NULL,
  events           text    NOT NULL,
  secret           text    NOT NULL,
  old_secret       text,
  old_secret_until bigint NOT NULL DEFAULT 0,
  created_at       bigint NOT NULL,
  disabled_at      bigint,
  disabled_reason  text,
  failures         bigint NOT NULL DEFAULT 0,
  failing_since    bigint,
  free_at          bigint NOT NULL DEFAULT 0,
  next_at          bigint,
  lease_until      bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant, id)
);

CREATE INDEX webhooks_due ON webhooks (next_at) WHERE next_at IS NOT NULL;

-- `due_at` is null if no attempt follows: the message was taken, or given up, or its endpoint is disabled.
CREATE TABLE webhook_messages (
  tenant           bigint NOT NULL,
  webhook          uuid    NOT NULL,
  id               uuid    NOT NULL,
  event            text    NOT NULL,
  data             text    NOT NULL,
  occurred_at      bigint NOT NULL,
  attempts         bigint NOT NULL DEFAULT 0,
  due_at           bigint,
  attempted_at     bigint,
  status           bigint,
  note             text,
  delivered_at     bigint,
  PRIMARY KEY (tenant, webhook, id)
);

CREATE INDEX webhook_messages_due ON webhook_messages (tenant, webhook, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_messages_in_order ON webhook_messages (tenant, webhook, occurred_at);
