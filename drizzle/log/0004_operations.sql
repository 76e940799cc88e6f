CREATE SCHEMA "operations";
--> statement-breakpoint
CREATE TABLE "operations"."ledger" (
	"id" integer PRIMARY KEY NOT NULL,
	"carried_to" bigint NOT NULL,
	CONSTRAINT "only_one_ledger" CHECK ("operations"."ledger"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "operations"."proposals" (
	"id" bigint PRIMARY KEY NOT NULL,
	"action" text NOT NULL,
	"party" text NOT NULL,
	"kid" text NOT NULL,
	"reason" text NOT NULL,
	"details" jsonb NOT NULL,
	"state" text NOT NULL,
	"approved_by" bigint,
	"created_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "operations"."rebuilds" (
	"id" bigint PRIMARY KEY NOT NULL,
	"bureau" text NOT NULL,
	"dry_run" boolean NOT NULL,
	"state" text NOT NULL,
	"progress" jsonb,
	"result" jsonb,
	"failure" text,
	"party" text NOT NULL,
	"reason" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "operations"."replays" (
	"id" bigint PRIMARY KEY NOT NULL,
	"bureau" text NOT NULL,
	"filter" jsonb NOT NULL,
	"state" text NOT NULL,
	"rate" integer,
	"pause_after" integer NOT NULL,
	"allowance" bigint,
	"up_to" bigint NOT NULL,
	"after" bigint NOT NULL,
	"plan" jsonb,
	"subjects_done" bigint NOT NULL,
	"events_applied" bigint NOT NULL,
	"subjects_failed" bigint NOT NULL,
	"failed_since_resume" bigint NOT NULL,
	"failures" jsonb NOT NULL,
	"note" text,
	"party" text NOT NULL,
	"reason" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"started_at" timestamp (3) with time zone,
	"updated_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "replays_open" ON "operations"."replays" USING btree ("bureau","id") WHERE state in ('planning', 'running');--> statement-breakpoint
CREATE INDEX "entries_operations" ON "log"."entries" USING btree ("index") WHERE kind = 'operation';