-- Several secrets for each tenant, so that one can be replaced. A token knows the secret with which it was issued.

CREATE TABLE secrets (
  hash            BLOB    PRIMARY KEY, -- SHA-256
  tenant          INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  expires_at      INTEGER,             -- null: never
  used_at         INTEGER              -- the beginning of the day on which it was last used; null: never
) STRICT, WITHOUT ROWID;

CREATE INDEX secrets_of_tenant ON secrets (tenant);

INSERT INTO secrets (hash, tenant, created_at) SELECT secret_hash, id, created_at FROM tenants;

ALTER TABLE tokens ADD COLUMN secret BLOB; -- the hash of the secret
UPDATE tokens SET secret = (SELECT secret_hash FROM tenants WHERE tenants.id = tokens.tenant);

-- SQLite cannot drop a column that is unique, so this one holds random bytes.
ALTER TABLE tenants RENAME COLUMN secret_hash TO unused;
UPDATE tenants SET unused = randomblob(32);
