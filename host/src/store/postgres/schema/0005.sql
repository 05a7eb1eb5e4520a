-- Refresh tokens. Those that follow each other are a family.

CREATE TABLE token_families (
  family             bytea   PRIMARY KEY, -- SHA-256 of the name of the family
  tenant             bigint  NOT NULL,
  secret             bytea   NOT NULL,    -- the hash of the secret that was shown last
  next               bytea   NOT NULL,    -- SHA-256 of the part of the refresh token that can be used now
  expires_at         bigint  NOT NULL,    -- of the refresh token that can be used now
  ends_at            bigint  NOT NULL     -- no refresh token of the family lives longer
);

CREATE INDEX token_families_expiring  ON token_families (expires_at);
CREATE INDEX token_families_of_tenant ON token_families (tenant, expires_at);

ALTER TABLE tokens ADD COLUMN family bytea; -- null: the token was issued without a refresh token
CREATE INDEX tokens_of_family ON tokens (family) WHERE family IS NOT NULL;
