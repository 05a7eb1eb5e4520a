-- Tenants' own components, their limits, and what components print.

CREATE TABLE components (
  digest          BLOB    PRIMARY KEY, -- SHA-256 of the bytes
  name            TEXT    UNIQUE,
  world           TEXT    NOT NULL,    -- processor or validator
  size            INTEGER NOT NULL,
  added_at        INTEGER NOT NULL,
  bytes           BLOB    NOT NULL
) STRICT;

-- Null: the default processor; no validator. What there was before the last change is kept, to go back to.
ALTER TABLE tenants ADD COLUMN processor BLOB;
ALTER TABLE tenants ADD COLUMN validator BLOB;
ALTER TABLE tenants ADD COLUMN can_roll_back INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenants ADD COLUMN previous_processor BLOB;
ALTER TABLE tenants ADD COLUMN previous_validator BLOB;
ALTER TABLE tenants ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';
ALTER TABLE tenants ADD COLUMN running_jobs INTEGER NOT NULL DEFAULT 1; -- of the limits, the one that claims go by

ALTER TABLE jobs ADD COLUMN validator BLOB;
ALTER TABLE jobs ADD COLUMN profile TEXT; -- the tenant's when the job was accepted
ALTER TABLE jobs ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0; -- claims since it last got on

-- Jobs that somebody works on, and how much waits: both are asked for whenever a job is accepted or claimed.
CREATE INDEX jobs_leased    ON jobs (tenant, lease_until) WHERE finished_at IS NULL AND lease_until IS NOT NULL;
CREATE INDEX payloads_sizes ON payloads (tenant, size);

-- Written to see whether the database takes writes.
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
