-- What operators call a secret and what its clients may do, and what operators did.

ALTER TABLE secrets ADD COLUMN label text;                         -- null: the secret has no name
ALTER TABLE secrets ADD COLUMN scope text NOT NULL DEFAULT 'full'; -- full, read or submit

CREATE TABLE audit (
  id                 bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at                 bigint  NOT NULL,
  who                text    NOT NULL,
  way                text    NOT NULL, -- command_line or http
  origin             text,             -- an address or a machine
  request_id         text,
  action             text    NOT NULL,
  is_reading         boolean NOT NULL, -- whether it changes nothing
  tenant             text,             -- a name: the tenant may be removed
  object             text,
  details            text    NOT NULL, -- a JSON object
  is_done            boolean,          -- null: it has not ended, or the program ended before
  error              text
);

CREATE INDEX audit_by_kind ON audit (is_reading, id);
