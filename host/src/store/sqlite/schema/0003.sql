-- Tenants' components, limits and job logs.

CREATE TABLE components (
  digest          BLOB    PRIMARY KEY, -- SHA-256 of the bytes
  name            TEXT    UNIQUE,
  world           TEXT    NOT NULL,    -- processor or validator
  size            INTEGER NOT NULL,
  added_at        INTEGER NOT NULL,
  bytes           BLOB    NOT NULL
) STRICT;

-- Null: the default processor, no validator. The components before the last change are kept for rolling back.
ALTER TABLE tenants ADD COLUMN processor BLOB;
ALTER TABLE tenants ADD COLUMN validator BLOB;
ALTER TABLE tenants ADD COLUMN can_roll_back INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN previous_processor BLOB;
ALTER TABLE tenants ADD COLUMN previous_validator BLOB;
ALTER TABLE tenants ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN running_jobs INTEGER NOT NULL DEFAULT 1; -- the limit that claims go by

ALTER TABLE jobs ADD COLUMN validator BLOB;
ALTER TABLE jobs ADD COLUMN profile TEXT; -- the tenant's profile when the job was accepted
ALTER TABLE jobs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0; -- claims since the last commit

-- For the claimed jobs and the unprocessed bytes of a tenant, which accepting and claiming a job look up.
CREATE INDEX jobs_leased    ON jobs (tenant, lease_until) WHERE finished_at IS NULL AND lease_until IS NOT NULL;
CREATE INDEX payloads_sizes ON payloads (tenant, size);

-- The write probe of checks.
CREATE TABLE pulse (
  id              INTEGER PRIMARY KEY CHECK (id = 1),
  beat_at         INTEGER NOT NULL
) STRICT;

CREATE TABLE job_logs (
  tenant          INTEGER NOT NULL,
  job             BLOB    NOT NULL,
  text            TEXT    NOT NULL,
  PRIMARY KEY (tenant, job)
) STRICT, WITHOUT ROWID;
