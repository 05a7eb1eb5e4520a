-- The web console: who is logged in, and the files that wait there.

CREATE TABLE console_sessions (
  hash            BLOB    PRIMARY KEY, -- SHA-256 of the session's id
  credential      BLOB    NOT NULL,    -- SHA-256 of what it began with: a secret or an operator's token
  tenant          INTEGER,             -- null: it is an operator's
  begun_at        INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX console_sessions_in_order  ON console_sessions (credential, begun_at);
CREATE INDEX console_sessions_expiring  ON console_sessions (expires_at);
CREATE INDEX console_sessions_of_tenant ON console_sessions (tenant) WHERE tenant IS NOT NULL;

-- Files of which a person has not yet said what their columns mean.
CREATE TABLE staged_files (
  tenant          INTEGER NOT NULL,
  id              BLOB    NOT NULL,
  name            TEXT    NOT NULL,
  staged_at       INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL,
  content         BLOB    NOT NULL,    -- zstd over the file as it came
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX staged_files_in_order ON staged_files (tenant, staged_at);
CREATE INDEX staged_files_expiring ON staged_files (expires_at);
