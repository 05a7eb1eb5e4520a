-- What each tenant keeps, and the profiles of jobs, each once.

-- Bytes of the texts by which the contact is indexed. 0 for contacts that were last written before this schema.
ALTER TABLE contacts ADD COLUMN index_bytes INTEGER NOT NULL DEFAULT 0;

-- The profiles of jobs. No job needs a profile after `used_until`.
CREATE TABLE profiles (
  tenant          INTEGER NOT NULL,
  digest          BLOB    NOT NULL, -- SHA-256 of the text
  used_until      INTEGER NOT NULL,
  text            TEXT    NOT NULL,
  PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX profiles_expiring ON profiles (used_until);

ALTER TABLE jobs ADD COLUMN profile_digest BLOB; -- null: the job was accepted before this schema, and `profile` has the text
ALTER TABLE jobs ADD COLUMN results_bytes INTEGER NOT NULL DEFAULT 0;

-- A tenant's counters. `jobs_free_at` and `tokens_free_at`: when all that counts for its rates is forgotten.
CREATE TABLE usage (
  tenant          INTEGER PRIMARY KEY,
  stored_bytes    INTEGER NOT NULL DEFAULT 0,
  jobs_free_at    INTEGER NOT NULL DEFAULT 0,
  tokens_free_at  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX tokens_of_tenant_expiring ON tokens (tenant, expires_at);
DROP INDEX tokens_of_tenant;

-- The bytes that each tenant has stored: by the counter, and counted anew.
CREATE VIEW recounted_usage (tenant, counted_bytes, recounted_bytes) AS
SELECT id,
  coalesce((SELECT stored_bytes FROM usage WHERE tenant = tenants.id), 0),
  (SELECT coalesce(sum(octet_length(document) + index_bytes + 128), 0) FROM contacts WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(field) + octet_length(value)), 0) * 2 FROM contact_keys WHERE tenant = tenants.id)
  + (SELECT count(*) * 512 FROM jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(size + 64), 0) FROM payloads WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(rows) + 64), 0) FROM results WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_logs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(key) + 128), 0) FROM idempotency WHERE tenant = tenants.id)
FROM tenants;

INSERT INTO usage (tenant, stored_bytes) SELECT tenant, recounted_bytes FROM recounted_usage;
