-- What operators call a secret and what its clients may do, and what operators did.

ALTER TABLE secrets ADD COLUMN label TEXT;                         -- null: the secret has no name
ALTER TABLE secrets ADD COLUMN scope TEXT NOT NULL DEFAULT 'full'; -- full, read or submit

CREATE TABLE audit (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  at              INTEGER NOT NULL,
  who             TEXT    NOT NULL,
  way             TEXT    NOT NULL, -- command_line or http
  origin          TEXT,             -- an address or a machine
  request_id      TEXT,
  action          TEXT    NOT NULL,
  is_reading      INTEGER NOT NULL, -- whether it changes nothing
  tenant          TEXT,             -- a name: the tenant may be removed
  object          TEXT,
  details         TEXT    NOT NULL, -- a JSON object
  is_done         INTEGER,          -- null: it has not ended, or the program ended before
  error           TEXT
) STRICT;

CREATE INDEX audit_by_kind ON audit (is_reading, id);
