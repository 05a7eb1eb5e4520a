-- Undo: what jobs changed and how contacts were before, and the jobs that undo others.

ALTER TABLE jobs ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0; -- contacts that an undo deleted
ALTER TABLE jobs ADD COLUMN undo_of BLOB; -- the job that the job undoes; null: none

-- `kept_bytes`: of the before-images. `purges`: the last sequence in purged_contacts.
ALTER TABLE usage ADD COLUMN kept_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE usage ADD COLUMN purges     INTEGER NOT NULL DEFAULT 0;

-- Jobs that can be undone, until `expires_at`; the job itself may have expired before. `bytes` are those of its before-images.
CREATE TABLE undoable_jobs (
  tenant          INTEGER NOT NULL,
  job             BLOB    NOT NULL,
  processor       BLOB    NOT NULL, -- the digest of the processor that wrote the documents
  bytes           INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL,
  undone_as       BLOB,             -- the last job that undoes it; null: none
  PRIMARY KEY (tenant, job)
) STRICT, WITHOUT ROWID;

CREATE INDEX undoable_jobs_by_expiry ON undoable_jobs (expires_at);
CREATE INDEX undoable_jobs_of_tenant ON undoable_jobs (tenant, expires_at);

-- What commits changed, some hundred contacts in a row. `first` orders the rows of a job.
CREATE TABLE before_images (
  tenant          INTEGER NOT NULL,
  job             BLOB    NOT NULL,
  first           INTEGER NOT NULL,
  purged_to       INTEGER NOT NULL, -- the sequence in purged_contacts up to which contacts were taken out
  marks           BLOB    NOT NULL, -- three numbers for each contact
  images          BLOB    NOT NULL, -- {"v":1,"k":[["email","a@b.co"]],"d":"{…}"}; null: purged
  PRIMARY KEY (tenant, job, first)
) STRICT, WITHOUT ROWID;

-- Contacts that were deleted, so that their before-images count no more until they are taken out.
CREATE TABLE purged_contacts (
  tenant          INTEGER NOT NULL,
  sequence        INTEGER NOT NULL,
  contact         INTEGER NOT NULL,
  purged_at       INTEGER NOT NULL,
  PRIMARY KEY (tenant, sequence)
) STRICT, WITHOUT ROWID;

CREATE INDEX purged_contacts_by_id   ON purged_contacts (tenant, contact);
CREATE INDEX purged_contacts_by_time ON purged_contacts (purged_at);
CREATE INDEX before_images_unpurged  ON before_images (tenant, purged_to);

DROP VIEW recounted_usage;

-- The bytes that each tenant has stored, and of these the bytes of before-images: by the counters, and counted anew.
CREATE VIEW recounted_usage (tenant, counted_bytes, recounted_bytes, counted_kept_bytes, recounted_kept_bytes) AS
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
  + (SELECT count(*) * 128 FROM undoable_jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(marks) + octet_length(images) + 64), 0) FROM before_images WHERE tenant = tenants.id),
  coalesce((SELECT kept_bytes FROM usage WHERE tenant = tenants.id), 0),
  (SELECT count(*) * 128 FROM undoable_jobs WHERE tenant = tenants.id)
  + (SELECT coalesce(sum(octet_length(marks) + octet_length(images) + 64), 0) FROM before_images WHERE tenant = tenants.id)
FROM tenants;

-- Of tenants that there are already, nothing is kept until their operator wants it.
UPDATE tenants SET limits = json_set(limits, '$.undoDays', 0);
