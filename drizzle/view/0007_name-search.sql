CREATE INDEX "records_subject_name" ON "records" USING btree ("kind","subject","name","first_index");--> statement-breakpoint
DROP INDEX IF EXISTS "records_name";--> statement-breakpoint
ALTER TABLE "completeness" ADD COLUMN "behind_in_round" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "completeness" ADD COLUMN "completed_behind" bigint;