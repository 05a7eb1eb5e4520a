-- The word index, in place of FTS5. A step in code follows, which moves the words (word_index/migration.rs).

-- `origin`: the indexing transaction in which the contact's words were written. `words`: a hash of its search text.
ALTER TABLE listed ADD COLUMN origin INTEGER NOT NULL DEFAULT 1;
ALTER TABLE listed ADD COLUMN words  INTEGER;

CREATE TABLE word_segments (
  tenant          INTEGER NOT NULL,
  last_origin     INTEGER NOT NULL,
  generation      INTEGER NOT NULL,
  level           INTEGER NOT NULL,
  contacts        INTEGER NOT NULL,
  dead            INTEGER NOT NULL,
  PRIMARY KEY (tenant, last_origin)
) STRICT, WITHOUT ROWID;

CREATE TABLE word_blocks (
  tenant          INTEGER NOT NULL,
  last_origin     INTEGER NOT NULL,
  generation      INTEGER NOT NULL,
  first_word      BLOB    NOT NULL,
  number          INTEGER NOT NULL, -- the place of the block in its segment
  postings        BLOB    NOT NULL,
  PRIMARY KEY (tenant, last_origin, generation, first_word, number)
) STRICT, WITHOUT ROWID;

-- Contacts whose words in a segment do not count any more.
CREATE TABLE word_dead (
  tenant          INTEGER NOT NULL,
  last_origin     INTEGER NOT NULL,
  generation      INTEGER NOT NULL,
  contact         INTEGER NOT NULL,
  PRIMARY KEY (tenant, last_origin, generation, contact)
) STRICT, WITHOUT ROWID;

-- Merges of segments that are under way: how much of the new segment is written.
CREATE TABLE word_merges (
  tenant          INTEGER NOT NULL,
  level           INTEGER NOT NULL,
  last_origin     INTEGER NOT NULL,
  generation      INTEGER NOT NULL,
  blocks          INTEGER NOT NULL DEFAULT 0,
  done_word       BLOB    NOT NULL DEFAULT x'',
  PRIMARY KEY (tenant, level)
) STRICT, WITHOUT ROWID;

-- Segments that were merged, whose blocks are yet to be deleted.
CREATE TABLE word_dropped (
  tenant          INTEGER NOT NULL,
  last_origin     INTEGER NOT NULL,
  generation      INTEGER NOT NULL,
  PRIMARY KEY (tenant, last_origin, generation)
) STRICT, WITHOUT ROWID;
