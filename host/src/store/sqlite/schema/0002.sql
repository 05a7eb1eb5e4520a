-- Lists and searches of contacts, and tokens.

ALTER TABLE tenants ADD COLUMN contacts INTEGER NOT NULL DEFAULT 0; -- how many contacts the tenant has
UPDATE tenants SET contacts = (SELECT count(*) FROM contacts WHERE contacts.tenant = tenants.id);

-- The contact index. It follows the commits, a batch at a time.
CREATE TABLE listed (
  tenant          INTEGER NOT NULL,
  contact         INTEGER NOT NULL,
  changed_at      INTEGER NOT NULL,
  sort            TEXT    NOT NULL,
  PRIMARY KEY (tenant, contact)
) STRICT, WITHOUT ROWID;

CREATE INDEX listed_by_change ON listed (tenant, changed_at);
CREATE INDEX listed_by_sort   ON listed (tenant, sort);

INSERT INTO listed SELECT tenant, id, 0, '' FROM contacts;

-- The search text of contacts, as words only. The rowid is made of tenant and contact.
CREATE VIRTUAL TABLE contact_words USING fts5 (
  words, content = '', contentless_delete = 1, detail = none, tokenize = 'unicode61 remove_diacritics 2'
);

-- The index queue: committed batches that are yet to be indexed.
CREATE TABLE unlisted (
  tenant          INTEGER NOT NULL,
  sequence        INTEGER NOT NULL,
  changed_at      INTEGER NOT NULL,
  entries         BLOB    NOT NULL, -- [contact, search text, sort key]
  PRIMARY KEY (tenant, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
  hash            BLOB    PRIMARY KEY, -- SHA-256
  tenant          INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_expiring ON tokens (expires_at);
CREATE INDEX tokens_of_tenant ON tokens (tenant);
