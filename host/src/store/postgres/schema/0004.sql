-- What clients are told about jobs besides their counts.

CREATE TABLE job_remarks (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  text               text    NOT NULL, -- {"warnings":1,"ignored":{"names":{"a":1},"others":0}}
  PRIMARY KEY (tenant, job)
);

CREATE OR REPLACE VIEW recounted_usage (tenant, counted_bytes, recounted_bytes) AS
SELECT id,
  (SELECT stored_bytes FROM queues WHERE tenant = tenants.id) + (SELECT stored_bytes FROM tallies WHERE tenant = tenants.id),
  (
  (SELECT coalesce(sum(octet_length(document) + index_bytes + 128), 0) FROM contacts WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(field) + octet_length(value)), 0) * 2 FROM contact_keys WHERE tenant = tenants.id)
  + (SELECT count(*) * 512 FROM jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(size + 64), 0) FROM payloads WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(rows) + 64), 0) FROM results WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_logs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(text) + 64), 0) FROM job_remarks WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(key) + 128), 0) FROM idempotency WHERE tenant = tenants.id)
)::bigint
FROM tenants;
