-- What is in the log stays as it is: even a superuser must first drop this trigger, which no code here does.
CREATE FUNCTION "log"."refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'log.entries only ever grows: % is refused', TG_OP
		USING ERRCODE = 'integrity_constraint_violation', HINT = 'Append a new entry that corrects the old one.';
END $$;
--> statement-breakpoint
CREATE TRIGGER "entries_refuse_change" BEFORE UPDATE OR DELETE ON "log"."entries" FOR EACH ROW EXECUTE FUNCTION "log"."refuse_change"();
--> statement-breakpoint
CREATE TRIGGER "entries_refuse_truncate" BEFORE TRUNCATE ON "log"."entries" FOR EACH STATEMENT EXECUTE FUNCTION "log"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "log"."entries" ENABLE ALWAYS TRIGGER "entries_refuse_change";
--> statement-breakpoint
ALTER TABLE "log"."entries" ENABLE ALWAYS TRIGGER "entries_refuse_truncate";
--> statement-breakpoint
-- An ordinary entry (2 to 4 KB, mostly base64, which hardly compresses) stays in its row, uncompressed: no second
-- look-up and no compression on the hot path. Only what doesn't fit a page moves out of line.
ALTER TABLE "log"."entries" ALTER COLUMN "entry" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "log"."entries" SET (toast_tuple_target = 8160);
--> statement-breakpoint
-- Hashes don't compress; a tile is one page's worth and is read whole.
ALTER TABLE "log"."tiles" ALTER COLUMN "hashes" SET STORAGE EXTERNAL;
