-- An ordinary record (2 to 3 KB) stays in its row, uncompressed: compressing it costs more than writing it. Only what doesn't fit
-- a page moves out of line.
ALTER TABLE "records" ALTER COLUMN "data" SET STORAGE EXTERNAL, ALTER COLUMN "provenance" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "records" SET (toast_tuple_target = 8160);
