-- The store's time: microseconds since 1970 in UTC by the database's clock, plus the shift that a test gives its server's clock
-- (0 otherwise). The time of the statement, not of each row, so that an index can be searched by it. PostgreSQL writes the
-- body into the statements that call the function, so plans are the same as without it.
--
-- No numbered step makes this function: databases of schema 1 came without it, and servers that do not know it go on
-- working beside those that do.
CREATE FUNCTION bulkhead_now(shift bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
  'SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint + shift';
