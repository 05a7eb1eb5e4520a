-- A deleted job releases its idempotency key.

CREATE INDEX idempotency_of_job ON idempotency (tenant, job);
