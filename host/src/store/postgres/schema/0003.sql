-- Several secrets for each tenant, so that one can be replaced. A token knows the secret with which it was issued.

CREATE TABLE secrets (
  hash               bytea   PRIMARY KEY, -- SHA-256
  tenant             bigint  NOT NULL,
  created_at         bigint  NOT NULL,
  expires_at         bigint, -- null: never
  used_at            bigint  -- the beginning of the day on which it was last used; null: never
);

CREATE INDEX secrets_of_tenant ON secrets (tenant);

INSERT INTO secrets (hash, tenant, created_at) SELECT secret_hash, id, created_at FROM tenants;

ALTER TABLE tokens ADD COLUMN secret bytea; -- the hash of the secret
UPDATE tokens SET secret = secret_hash FROM tenants WHERE tenants.id = tokens.tenant;

ALTER TABLE tenants DROP COLUMN secret_hash;
