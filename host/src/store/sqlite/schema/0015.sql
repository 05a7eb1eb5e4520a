-- Which programs can work with the store: those that know schema `oldest` or a newer one. Programs that know less refuse it. The
-- number of the schema itself is in `user_version`.

CREATE TABLE bulkhead_schema (
  oldest INTEGER NOT NULL
);
