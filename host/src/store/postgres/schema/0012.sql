-- Which programs can work with the database: those that know schema `oldest` or a newer one. Programs that know less refuse it.

ALTER TABLE bulkhead_schema ADD COLUMN oldest bigint NOT NULL DEFAULT 0;
