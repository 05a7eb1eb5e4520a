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
  -- Null: the default processor, or no validator. The components before the last change are kept for a rollback.
  processor          bytea,
  validator          bytea,
  can_roll_back      boolean NOT NULL DEFAULT false,
  previous_processor bytea,
  previous_validator bytea
);

-- A tenant's turn among the tenants that wait for a worker. Transactions that accept or claim a job of the tenant lock it.
CREATE TABLE queues (
  tenant             bigint  PRIMARY KEY,
  is_waiting         boolean NOT NULL DEFAULT false, -- if false, no job is unfinished; cleared some time after the last job
  last_served        bigint  NOT NULL DEFAULT 0,
  running_jobs       bigint  NOT NULL DEFAULT 1 -- the limit of the tenant that claims go by
) WITH (fillfactor = 50);

CREATE INDEX queues_waiting ON queues (last_served, tenant) WHERE is_waiting;

-- A tenant's counters. Transactions that write contacts of the tenant lock them, so that there is one at a time.
CREATE TABLE tallies (
  tenant             bigint  PRIMARY KEY,
  next_contact       bigint  NOT NULL DEFAULT 1,
  contacts           bigint  NOT NULL DEFAULT 0, -- how many contacts the tenant has
  next_note          bigint  NOT NULL DEFAULT 1  -- the next sequence in unlisted
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
  epoch              bigint  NOT NULL DEFAULT 0, -- of the last claim; larger than those of earlier claims
  attempts           bigint  NOT NULL DEFAULT 0, -- claims since the last commit
  is_claimed         boolean NOT NULL DEFAULT false,
  lease_until        bigint  NOT NULL DEFAULT 0, -- of the claim, if it is claimed
  PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);

-- Only the last commit of a job changes a column of these indexes.
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

-- The blobs are compressed already.
ALTER TABLE payloads ALTER COLUMN items SET STORAGE EXTERNAL, ALTER COLUMN keys SET STORAGE EXTERNAL;
ALTER TABLE results ALTER COLUMN rows SET STORAGE EXTERNAL;

CREATE TABLE job_logs (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  text               bytea   NOT NULL, -- what the components printed
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

-- The contact index, which follows the commits. Words are marked with their tenant, so that a search reads no index entries of
-- other tenants.
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
-- A search also reads the list of entries that are not in the index yet, so the list is kept short. In KiB.
CREATE INDEX listed_by_word   ON listed USING gin (words) WITH (gin_pending_list_limit = 1024);

-- The index queue: contacts to be indexed, in the order of the commits.
CREATE TABLE unlisted (
  tenant             bigint  NOT NULL,
  sequence           bigint  NOT NULL,
  changed_at         bigint  NOT NULL,
  entries            bytea   NOT NULL, -- lines of [contact, search text, sort key]; [contact, null, null] for a deleted contact
  PRIMARY KEY (tenant, sequence)
);

-- Removed tenants with rows that sweeps have not deleted yet.
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

-- The write probe: written to check whether the database takes writes.
CREATE TABLE pulse (
  id                 bigint  PRIMARY KEY CHECK (id = 1),
  beat_at            bigint  NOT NULL
);
