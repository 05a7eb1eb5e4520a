-- What each tenant keeps, and the profiles of jobs, each once.

-- Bytes of the texts by which the contact is indexed. 0 for contacts that were last written before this schema.
ALTER TABLE contacts ADD COLUMN index_bytes bigint NOT NULL DEFAULT 0;

-- The profiles of jobs. No job needs a profile after `used_until`.
CREATE TABLE profiles (
  tenant             bigint  NOT NULL,
  digest             bytea   NOT NULL, -- SHA-256 of the text
  used_until         bigint  NOT NULL,
  text               text    NOT NULL,
  PRIMARY KEY (tenant, digest)
);

CREATE INDEX profiles_expiring ON profiles (used_until);

ALTER TABLE jobs ALTER COLUMN profile DROP NOT NULL; -- null: `profile_digest` says which
ALTER TABLE jobs ADD COLUMN profile_digest bytea;
ALTER TABLE jobs ADD COLUMN results_bytes bigint NOT NULL DEFAULT 0;

-- A tenant's stored bytes are the sum of these two: what submissions add under the lock of the queue, and all other changes,
-- under the lock of the counters. `jobs_free_at` and `tokens_free_at`: when all that counts for its rates is forgotten.
ALTER TABLE queues ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE tallies ADD COLUMN stored_bytes bigint NOT NULL DEFAULT 0;
ALTER TABLE queues ADD COLUMN jobs_free_at bigint NOT NULL DEFAULT 0;
ALTER TABLE queues ADD COLUMN tokens_free_at bigint NOT NULL DEFAULT 0;

CREATE INDEX tokens_of_tenant_expiring ON tokens (tenant, expires_at);
DROP INDEX tokens_of_tenant;

-- The bytes that each tenant has stored: by the counters, and counted anew.
CREATE VIEW recounted_usage (tenant, counted_bytes, recounted_bytes) AS
SELECT id,
  (SELECT stored_bytes FROM queues WHERE tenant = tenants.id) + (SELECT stored_bytes FROM tallies WHERE tenant = tenants.id),
  (
  (SELECT coalesce(sum(octet_length(document) + index_bytes + 128), 0) FROM contacts WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(field) + octet_length(value)), 0) * 2 FROM contact_keys WHERE tenant = tenants.id)
  + (SELECT count(*) * 512 FROM jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(size + 64), 0) FROM payloads WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(rows) + 64), 0) FROM results WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_logs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(key) + 128), 0) FROM idempotency WHERE tenant = tenants.id)
)::bigint
FROM tenants;

UPDATE tallies SET stored_bytes = recounted_bytes FROM recounted_usage
WHERE recounted_usage.tenant = tallies.tenant;
