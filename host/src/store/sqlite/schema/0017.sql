-- The span that belongs to the request that a job was accepted by, as in the header of this name; null: none.
ALTER TABLE jobs ADD COLUMN traceparent TEXT;
