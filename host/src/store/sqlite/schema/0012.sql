-- Dry runs: what their batches would write, and the jobs that apply them.

ALTER TABLE jobs ADD COLUMN dry_run_of BLOB; -- the dry run that the job applies; null: none
ALTER TABLE jobs ADD COLUMN applied_as BLOB; -- the job that applies this dry run; null: none

-- The contacts as the batches of unfinished dry runs would leave them.
CREATE TABLE overlays (
  tenant          INTEGER NOT NULL,
  job             BLOB    NOT NULL,
  first           INTEGER NOT NULL,
  marks           BLOB    NOT NULL, -- two numbers, then eight bytes for each id and key of the contacts
  contacts        BLOB    NOT NULL, -- {"i":1,"v":1,"k":[["email","a@b.co"]],"e":9,"d":"{…}"}
  PRIMARY KEY (tenant, job, first)
) STRICT, WITHOUT ROWID;

DROP VIEW recounted_usage;

-- The bytes that each tenant has stored: by the counter, and counted anew.
CREATE VIEW recounted_usage (tenant, counted_bytes, recounted_bytes) AS
SELECT id,
  coalesce((SELECT stored_bytes FROM usage WHERE tenant = tenants.id), 0),
  (SELECT coalesce(sum(octet_length(document) + index_bytes + 128), 0) FROM contacts WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(field) + octet_length(value)), 0) * 2 FROM contact_keys WHERE tenant = tenants.id)
  + (SELECT count(*) * 512 FROM jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(size + 64), 0) FROM payloads WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(rows) + 64), 0) FROM results WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(marks) + octet_length(contacts) + 64), 0) FROM overlays WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_logs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_remarks WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(key) + 128), 0) FROM idempotency WHERE tenant = tenants.id)
FROM tenants;
