-- The text as it was sent: nobody asks the database about what is inside, and to take the text apart cost more than to store the row.
-- A new type has its own storage: what 0004 said is said again, in the one statement that writes the rows anew.
ALTER TABLE "records"
  ALTER COLUMN "layers" SET DATA TYPE json,
  ALTER COLUMN "data" SET DATA TYPE json,
  ALTER COLUMN "provenance" SET DATA TYPE json,
  ALTER COLUMN "state" SET DATA TYPE json,
  ALTER COLUMN "data" SET STORAGE EXTERNAL,
  ALTER COLUMN "provenance" SET STORAGE EXTERNAL;
