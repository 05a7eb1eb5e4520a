-- Dry runs: what their batches would write, and the jobs that apply them.

ALTER TABLE jobs ADD COLUMN dry_run_of uuid; -- the dry run that the job applies; null: none
ALTER TABLE jobs ADD COLUMN applied_as uuid; -- the job that applies this dry run; null: none

-- The contacts as the batches of unfinished dry runs would leave them.
CREATE TABLE overlays (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  first              bigint  NOT NULL,
  marks              bytea   NOT NULL, -- two numbers, then eight bytes for each id and key of the contacts
  contacts           bytea   NOT NULL, -- {"i":1,"v":1,"k":[["email","a@b.co"]],"e":9,"d":"{…}"}
  PRIMARY KEY (tenant, job, first)
);

-- Marks do not become smaller, and contacts are compressed already.
ALTER TABLE overlays ALTER COLUMN marks SET STORAGE EXTERNAL, ALTER COLUMN contacts SET STORAGE EXTERNAL;

CREATE OR REPLACE VIEW recounted_usage (tenant, counted_bytes, recounted_bytes) AS
SELECT id,
  (SELECT stored_bytes FROM queues WHERE tenant = tenants.id) + (SELECT stored_bytes FROM tallies WHERE tenant = tenants.id),
  (
  (SELECT coalesce(sum(octet_length(document) + index_bytes + 128), 0) FROM contacts WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(field) + octet_length(value)), 0) * 2 FROM contact_keys WHERE tenant = tenants.id)
  + (SELECT count(*) * 512 FROM jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(size + 64), 0) FROM payloads WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(rows) + 64), 0) FROM results WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(marks) + octet_length(contacts) + 64), 0) FROM overlays WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_logs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_remarks WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(key) + 128), 0) FROM idempotency WHERE tenant = tenants.id)
)::bigint
FROM tenants;
