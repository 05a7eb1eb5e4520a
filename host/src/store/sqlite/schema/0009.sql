-- Lists of jobs, jobs of files, items that change nothing, and jobs that are cancelled.

ALTER TABLE jobs ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN cancelled_at INTEGER; -- null: the job was not cancelled
ALTER TABLE jobs ADD COLUMN mode TEXT; -- null: upsert
ALTER TABLE jobs ADD COLUMN source TEXT; -- JSON; null: the job was not made of a file
ALTER TABLE jobs ADD COLUMN group_id BLOB; -- null: the job belongs to no group

CREATE INDEX jobs_of_tenant_by_time ON jobs (tenant, created_at, id);
CREATE INDEX jobs_by_time           ON jobs (created_at, id);
CREATE INDEX jobs_of_group         ON jobs (tenant, group_id) WHERE group_id IS NOT NULL;
