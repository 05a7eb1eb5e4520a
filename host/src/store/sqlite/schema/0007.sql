-- Refresh tokens. Those that follow each other are a family.

CREATE TABLE token_families (
  family          BLOB    PRIMARY KEY, -- SHA-256 of the name of the family
  tenant          INTEGER NOT NULL,
  secret          BLOB    NOT NULL,    -- the hash of the secret that was shown last
  next            BLOB    NOT NULL,    -- SHA-256 of the part of the refresh token that can be used now
  expires_at      INTEGER NOT NULL,    -- of the refresh token that can be used now
  ends_at         INTEGER NOT NULL     -- no refresh token of the family lives longer
) STRICT, WITHOUT ROWID;

CREATE INDEX token_families_expiring  ON token_families (expires_at);
CREATE INDEX token_families_of_tenant ON token_families (tenant, expires_at);

ALTER TABLE tokens ADD COLUMN family BLOB; -- null: the token was issued without a refresh token
CREATE INDEX tokens_of_family ON tokens (family) WHERE family IS NOT NULL;
