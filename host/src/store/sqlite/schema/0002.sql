-- Lists and searches of contacts, and tokens.

ALTER TABLE tenants ADD COLUMN contacts INTEGER NOT NULL DEFAULT 0; -- how many it has
UPDATE tenants SET contacts = (SELECT count(*) FROM contacts WHERE contacts.tenant = tenants.id);

ALTER TABLE contacts ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contacts ADD COLUMN sort TEXT NOT NULL DEFAULT '';

CREATE INDEX contacts_changed ON contacts (tenant, changed_at);
CREATE INDEX contacts_sorted  ON contacts (tenant, sort);

-- The words of contacts, without the text itself; the rowid is made of tenant and id.
CREATE VIRTUAL TABLE contact_words USING fts5 (
  words, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE tokens (
  hash            BLOB    PRIMARY KEY, -- SHA-256
  tenant          INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_expiring ON tokens (expires_at);
CREATE INDEX tokens_of_tenant ON tokens (tenant);
