-- A rate of contacts. `contacts_free_at`: when all that counts for it is forgotten.

ALTER TABLE usage ADD COLUMN contacts_free_at INTEGER NOT NULL DEFAULT 0;
