-- The first schema. Times are microseconds since 1970 in UTC; blobs are zstd over lines of JSON.
-- The tenant leads every primary key, so that the same layout can be sharded by tenant.

CREATE TABLE tenants (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  name            TEXT    NOT NULL UNIQUE,
  profile         TEXT    NOT NULL,
  client_id       TEXT    NOT NULL UNIQUE,
  secret_hash     BLOB    NOT NULL UNIQUE,
  next_contact    INTEGER NOT NULL DEFAULT 1,
  last_served     INTEGER NOT NULL DEFAULT 0,
  created_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE contacts (
  tenant          INTEGER NOT NULL,
  id              INTEGER NOT NULL,
  version         INTEGER NOT NULL,
  keys            TEXT    NOT NULL, -- the contact's rows in contact_keys, as JSON: [["email","a@b.co"]]
  document        TEXT    NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE contact_keys (
  tenant          INTEGER NOT NULL,
  field           TEXT    NOT NULL,
  value           TEXT    NOT NULL,
  contact         INTEGER NOT NULL,
  PRIMARY KEY (tenant, field, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  tenant          INTEGER NOT NULL,
  id              BLOB    NOT NULL,
  sequence        INTEGER NOT NULL, -- order of the tenant's unfinished jobs; starts again when there are none
  operation       TEXT    NOT NULL,
  state           TEXT    NOT NULL,
  processor       BLOB    NOT NULL,
  retention       INTEGER NOT NULL, -- microseconds
  total           INTEGER NOT NULL,
  cursor          INTEGER NOT NULL DEFAULT 0,
  created         INTEGER NOT NULL DEFAULT 0,
  updated         INTEGER NOT NULL DEFAULT 0,
  failed          INTEGER NOT NULL DEFAULT 0,
  created_at      INTEGER NOT NULL,
  started_at      INTEGER,
  finished_at     INTEGER,
  expires_at      INTEGER NOT NULL,
  epoch           INTEGER NOT NULL DEFAULT 0, -- the claim epoch
  lease_until     INTEGER,                    -- null: not claimed
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX jobs_unfinished ON jobs (tenant, sequence) WHERE finished_at IS NULL;
CREATE INDEX jobs_expiring   ON jobs (expires_at);

CREATE TABLE payloads (
  tenant          INTEGER NOT NULL,
  job             BLOB    NOT NULL,
  first           INTEGER NOT NULL,
  count           INTEGER NOT NULL,
  size            INTEGER NOT NULL, -- bytes of items and keys
  items           BLOB    NOT NULL,
  keys            BLOB,
  PRIMARY KEY (tenant, job, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE results (
  tenant          INTEGER NOT NULL,
  job             BLOB    NOT NULL,
  first           INTEGER NOT NULL,
  count           INTEGER NOT NULL,
  rows            BLOB    NOT NULL,
  PRIMARY KEY (tenant, job, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
  tenant          INTEGER NOT NULL,
  key             TEXT    NOT NULL,
  fingerprint     BLOB    NOT NULL,
  job             BLOB    NOT NULL,
  expires_at      INTEGER NOT NULL,
  PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_expiring ON idempotency (expires_at);

-- Removed tenants whose contacts a sweep has yet to delete.
CREATE TABLE removed_tenants (
  tenant          INTEGER PRIMARY KEY
) STRICT;
