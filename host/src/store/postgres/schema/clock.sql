-- The store's time: microseconds since 1970 in UTC by the database's clock, plus the shift that a test gives its server's clock
-- (0 otherwise). It is the time of the statement, not of each row, so that an index can be searched by it. PostgreSQL inlines
-- the function, so plans are the same as without it.
--
-- No numbered step makes this function, because databases with schema 1 were made without it. A server that finds it missing
-- makes it. Servers that do not know it can share the database.
CREATE FUNCTION bulkhead_now(shift bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
  'SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint + shift';
