-- A rate of contacts. `contacts_free_at`: when all that counts for it is forgotten.

ALTER TABLE queues ADD COLUMN contacts_free_at bigint NOT NULL DEFAULT 0;
