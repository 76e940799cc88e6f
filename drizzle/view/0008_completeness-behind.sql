ALTER TABLE "completeness" ADD COLUMN "behind_in_round" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "completeness" ADD COLUMN "completed_behind" bigint;