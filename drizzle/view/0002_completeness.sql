CREATE TABLE "completeness" (
	"id" integer PRIMARY KEY NOT NULL,
	"checked_to" bigint NOT NULL,
	"started_at" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"completed_size" bigint,
	"healed_in_round" bigint NOT NULL,
	"healed" bigint NOT NULL,
	"healed_at" timestamp (3) with time zone,
	"asked" bigint,
	"answered" bigint,
	CONSTRAINT "only_one_completeness" CHECK ("completeness"."id" = 1)
);
--> statement-breakpoint
ALTER TABLE "positions" ADD COLUMN "heard_size" bigint;--> statement-breakpoint
ALTER TABLE "positions" ADD COLUMN "heard_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "records" ADD COLUMN "events" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
-- what was applied before it was counted: what the log has up to a record's last event, but for what was dismissed
UPDATE "records" r SET "events" =
  (SELECT count(*) FROM log.entries e WHERE e.kind = 'event' AND e.subject_kind = r.kind AND e.subject = r.subject AND e.index <= r.last_index)
  - (SELECT count(*) FROM dismissed d WHERE d.kind = r.kind AND d.subject = r.subject AND d.index <= r.last_index);
