-- The web console: who is logged in, and the files that wait there.

CREATE TABLE console_sessions (
  hash               bytea   PRIMARY KEY, -- SHA-256 of the session's id
  credential         bytea   NOT NULL,    -- SHA-256 of what it began with: a secret or an operator's token
  tenant             bigint,              -- null: it is an operator's
  begun_at           bigint  NOT NULL,
  expires_at         bigint  NOT NULL
);

CREATE INDEX console_sessions_in_order  ON console_sessions (credential, begun_at);
CREATE INDEX console_sessions_expiring  ON console_sessions (expires_at);
CREATE INDEX console_sessions_of_tenant ON console_sessions (tenant) WHERE tenant IS NOT NULL;

-- Files of which a person has not yet said what their columns mean.
CREATE TABLE staged_files (
  tenant             bigint  NOT NULL,
  id                 uuid    NOT NULL,
  name               text    NOT NULL,
  staged_at          bigint  NOT NULL,
  expires_at         bigint  NOT NULL,
  content            bytea   NOT NULL,    -- zstd over the file as it came
  PRIMARY KEY (tenant, id)
);

CREATE INDEX staged_files_in_order ON staged_files (tenant, staged_at);
CREATE INDEX staged_files_expiring ON staged_files (expires_at);

-- It is compressed already.
ALTER TABLE staged_files ALTER COLUMN content SET STORAGE EXTERNAL;
