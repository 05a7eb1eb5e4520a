-- The first schema: what SQLite's 0001 to 0003 make together. Times are microseconds since 1970 in UTC, by the database's
-- clock; blobs are zstd over lines of JSON. The tenant leads every primary key but those of small tables that are looked up
-- by a secret or a digest, so that the same layout can be sharded on it. Text in keys is compared byte by byte.

CREATE TABLE tenants (
  id                 bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name               text    COLLATE "C" NOT NULL UNIQUE,
  profile            text    NOT NULL,
  limits             text    NOT NULL DEFAULT '{}',
  client_id          text    COLLATE "C" NOT NULL UNIQUE,
  secret_hash        bytea   NOT NULL UNIQUE,
  created_at         bigint  NOT NULL,
  -- Null: the default processor; no validator. What there was before the last change is kept, to go back to.
  processor          bytea,
  validator          bytea,
  can_roll_back      boolean NOT NULL DEFAULT false,
  previous_processor bytea,
  previous_validator bytea
);

-- A tenant's place among those that wait for a worker. Its lock is held by whoever accepts or claims a job of the tenant.
CREATE TABLE queues (
  tenant             bigint  PRIMARY KEY,
  is_waiting         boolean NOT NULL DEFAULT false, -- if not, no job is unfinished; cleared some time after the last
  last_served        bigint  NOT NULL DEFAULT 0,
  running_jobs       bigint  NOT NULL DEFAULT 1 -- of the tenant's limits, the one that claims go by
) WITH (fillfactor = 50);

CREATE INDEX queues_waiting ON queues (last_served, tenant) WHERE is_waiting;

-- A tenant's numbers. Its lock is held by whoever writes contacts of the tenant: one at a time.
CREATE TABLE tallies (
  tenant             bigint  PRIMARY KEY,
  next_contact       bigint  NOT NULL DEFAULT 1,
  contacts           bigint  NOT NULL DEFAULT 0, -- how many it has
  next_note          bigint  NOT NULL DEFAULT 1  -- see unlisted
) WITH (fillfactor = 50);

CREATE TABLE contacts (
  tenant             bigint  NOT NULL,
  id                 bigint  NOT NULL,
  version            bigint  NOT NULL,
  key_fields         text[]  NOT NULL, -- the contact's rows in contact_keys
  key_values         text[]  NOT NULL,
  document           text    NOT NULL,
  PRIMARY KEY (tenant, id)
);

CREATE TABLE contact_keys (
  tenant             bigint  NOT NULL,
  field              text    COLLATE "C" NOT NULL,
  value              text    COLLATE "C" NOT NULL,
  contact            bigint  NOT NULL,
  PRIMARY KEY (tenant, field, value)
);

CREATE TABLE jobs (
  tenant             bigint  NOT NULL,
  id                 uuid    NOT NULL,
  sequence           bigint  NOT NULL, -- order of the tenant's unfinished jobs; starts again when there are none
  operation          text    NOT NULL,
  state              text    NOT NULL,
  processor          bytea   NOT NULL,
  validator          bytea,
  profile            text    NOT NULL, -- the tenant's when the job was accepted
  retention          bigint  NOT NULL, -- microseconds
  total              bigint  NOT NULL,
  cursor             bigint  NOT NULL DEFAULT 0,
  created            bigint  NOT NULL DEFAULT 0,
  updated            bigint  NOT NULL DEFAULT 0,
  failed             bigint  NOT NULL DEFAULT 0,
  waiting_bytes      bigint  NOT NULL, -- of its rows in payloads
  created_at         bigint  NOT NULL,
  started_at         bigint,
  finished_at        bigint,
  expires_at         bigint  NOT NULL,
  epoch              bigint  NOT NULL DEFAULT 0, -- a claim's own, larger than those before
  attempts           bigint  NOT NULL DEFAULT 0, -- claims since it last got on
  is_claimed         boolean NOT NULL DEFAULT false,
  lease_until        bigint  NOT NULL DEFAULT 0, -- of the claim, if it is claimed
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);

-- None of these has a column that a commit changes, but for the last one of a job.
CREATE INDEX jobs_unfinished ON jobs (tenant, sequence) WHERE finished_at IS NULL;
CREATE INDEX jobs_waiting    ON jobs (tenant, sequence) WHERE finished_at IS NULL AND NOT is_claimed;
CREATE INDEX jobs_claimed    ON jobs (tenant, sequence) WHERE finished_at IS NULL AND is_claimed;
CREATE INDEX jobs_expiring   ON jobs (expires_at);

CREATE TABLE payloads (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  first              bigint  NOT NULL,
  count              bigint  NOT NULL,
  size               bigint  NOT NULL, -- bytes of items and keys
  items              bytea   NOT NULL,
  keys               bytea,
  PRIMARY KEY (tenant, job, first)
);

CREATE TABLE results (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  first              bigint  NOT NULL,
  count              bigint  NOT NULL,
  rows               bytea   NOT NULL,
  PRIMARY KEY (tenant, job, first)
);

-- They are compressed already.
ALTER TABLE payloads ALTER COLUMN items SET STORAGE EXTERNAL, ALTER COLUMN keys SET STORAGE EXTERNAL;
ALTER TABLE results ALTER COLUMN rows SET STORAGE EXTERNAL;

CREATE TABLE job_logs (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  text               bytea   NOT NULL, -- whatever a component printed
  PRIMARY KEY (tenant, job)
);

CREATE TABLE idempotency (
  tenant             bigint  NOT NULL,
  key                text    COLLATE "C" NOT NULL,
  fingerprint        bytea   NOT NULL,
  job                uuid    NOT NULL,
  expires_at         bigint  NOT NULL,
  PRIMARY KEY (tenant, key)
);

CREATE INDEX idempotency_expiring ON idempotency (expires_at);

-- What lists and searches go by. It follows what is committed, a batch at a time. Words are marked with their tenant, so
-- that a search reads nothing of another tenant's.
CREATE TABLE listed (
  tenant             bigint   NOT NULL,
  contact            bigint   NOT NULL,
  changed_at         bigint   NOT NULL,
  sort               text     COLLATE "C" NOT NULL,
  words              tsvector NOT NULL,
  PRIMARY KEY (tenant, contact)
);

CREATE INDEX listed_by_change ON listed (tenant, changed_at, contact);
CREATE INDEX listed_by_sort   ON listed (tenant, sort, contact);
-- A search reads the list of what is yet to be put into the index, so it is kept short. In KiB.
CREATE INDEX listed_by_word   ON listed USING gin (words) WITH (gin_pending_list_limit = 1024);

-- What was committed and is yet to be listed, in the order of the commits.
CREATE TABLE unlisted (
  tenant             bigint  NOT NULL,
  sequence           bigint  NOT NULL,
  changed_at         bigint  NOT NULL,
  entries            bytea   NOT NULL, -- [contact, words, sort], or [contact, null, null] for one that was deleted
  PRIMARY KEY (tenant, sequence)
);

-- Tenants that were removed, whose contacts the sweeper has yet to delete.
CREATE TABLE removed_tenants (
  tenant             bigint  PRIMARY KEY
);

CREATE TABLE tokens (
  hash               bytea   PRIMARY KEY, -- SHA-256
  tenant             bigint  NOT NULL,
  expires_at         bigint  NOT NULL
);

CREATE INDEX tokens_expiring  ON tokens (expires_at);
CREATE INDEX tokens_of_tenant ON tokens (tenant);

CREATE TABLE components (
  digest             bytea   PRIMARY KEY, -- SHA-256 of the bytes
  name               text    COLLATE "C" UNIQUE,
  world              text    NOT NULL, -- processor or validator
  size               bigint  NOT NULL,
  added_at           bigint  NOT NULL,
  bytes              bytea   NOT NULL
);

-- Written to see whether the database takes writes.
CREATE TABLE pulse (
  id                 bigint  PRIMARY KEY CHECK (id = 1),
  beat_at            bigint  NOT NULL
);
