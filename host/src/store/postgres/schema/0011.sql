-- Undo: what jobs changed and how contacts were before, and the jobs that undo others.

ALTER TABLE jobs ADD COLUMN deleted bigint NOT NULL DEFAULT 0; -- contacts that an undo deleted
ALTER TABLE jobs ADD COLUMN undo_of uuid; -- the job that the job undoes; null: none

ALTER TABLE tallies ADD COLUMN kept_bytes bigint NOT NULL DEFAULT 0; -- of the before-images

-- Jobs that can be undone, until `expires_at`; the job itself may have expired before. `bytes` are those of its before-images.
CREATE TABLE undoable_jobs (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  processor          bytea   NOT NULL, -- the digest of the processor that wrote the documents
  bytes              bigint  NOT NULL,
  expires_at         bigint  NOT NULL,
  undone_as          uuid,             -- the last job that undoes it; null: none
  PRIMARY KEY (tenant, job)
);

CREATE INDEX undoable_jobs_by_expiry ON undoable_jobs (expires_at);
CREATE INDEX undoable_jobs_of_tenant ON undoable_jobs (tenant, expires_at);

-- What commits changed, some hundred contacts in a row. `first` orders the rows of a job.
CREATE TABLE before_images (
  tenant             bigint  NOT NULL,
  job                uuid    NOT NULL,
  first              bigint  NOT NULL,
  purged_to          bigint  NOT NULL, -- the sequence in purged_contacts up to which contacts were taken out
  marks              bytea   NOT NULL, -- three numbers for each contact
  images             bytea   NOT NULL, -- {"v":1,"k":[["email","a@b.co"]],"d":"{…}"}; null: purged
  PRIMARY KEY (tenant, job, first)
);

-- Both are compressed already.
ALTER TABLE before_images ALTER COLUMN marks SET STORAGE EXTERNAL, ALTER COLUMN images SET STORAGE EXTERNAL;

-- Contacts that were deleted, so that their before-images count no more until they are taken out. `sequence` is in the order of
-- the deletions, since it comes from the tenant's counters.
CREATE TABLE purged_contacts (
  tenant             bigint  NOT NULL,
  sequence           bigint  NOT NULL,
  contact            bigint  NOT NULL,
  purged_at          bigint  NOT NULL,
  PRIMARY KEY (tenant, sequence)
);

CREATE INDEX purged_contacts_by_id   ON purged_contacts (tenant, contact);
CREATE INDEX purged_contacts_by_time ON purged_contacts (purged_at);
CREATE INDEX before_images_unpurged  ON before_images (tenant, purged_to);

CREATE OR REPLACE VIEW recounted_usage (tenant, counted_bytes, recounted_bytes, counted_kept_bytes, recounted_kept_bytes) AS
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
  + (SELECT count(*) * 128 FROM undoable_jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(marks) + octet_length(images) + 64), 0) FROM before_images WHERE tenant = tenants.id)
)::bigint,
  (SELECT kept_bytes FROM tallies WHERE tenant = tenants.id),
  (
  (SELECT count(*) * 128 FROM undoable_jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(marks) + octet_length(images) + 64), 0) FROM before_images WHERE tenant = tenants.id)
)::bigint
FROM tenants;

-- Of tenants that there are already, nothing is kept until their operator wants it.
UPDATE tenants SET limits = (limits::jsonb || '{"undoDays":0}')::text;
