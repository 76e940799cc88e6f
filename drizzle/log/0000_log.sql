CREATE SCHEMA "log";
--> statement-breakpoint
CREATE TABLE "log"."blobs" (
	"digest" text PRIMARY KEY NOT NULL,
	"content" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "log"."entries" (
	"index" bigint PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"received" timestamp (3) with time zone NOT NULL,
	"entry" text NOT NULL,
	"leaf" "bytea" NOT NULL,
	"party" text,
	"event_id" text,
	"type" text,
	"subject_kind" text,
	"subject" text,
	"digest" "bytea",
	"problem" text
);
--> statement-breakpoint
CREATE TABLE "log"."head" (
	"id" integer PRIMARY KEY NOT NULL,
	"origin" text NOT NULL,
	"size" bigint NOT NULL,
	"frontier" "bytea" NOT NULL,
	"root" "bytea" NOT NULL,
	"checkpoint" text NOT NULL,
	"last_received" timestamp (3) with time zone NOT NULL,
	"rules_index" bigint NOT NULL,
	CONSTRAINT "only_one" CHECK ("log"."head"."id" = 1)
);
--> statement-breakpoint
CREATE TABLE "log"."published" (
	"topic" text PRIMARY KEY NOT NULL,
	"partitions" integer NOT NULL,
	"index" bigint NOT NULL,
	"last_indexes" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "log"."subjects" (
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"state" jsonb NOT NULL,
	"last_index" bigint NOT NULL,
	CONSTRAINT "subjects_kind_subject_pk" PRIMARY KEY("kind","subject")
);
--> statement-breakpoint
CREATE TABLE "log"."tiles" (
	"level" integer NOT NULL,
	"n" bigint NOT NULL,
	"hashes" "bytea" NOT NULL,
	"root" "bytea" NOT NULL,
	CONSTRAINT "tiles_level_n_pk" PRIMARY KEY("level","n")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "entries_event_id" ON "log"."entries" USING btree ("party","event_id") WHERE kind = 'event';--> statement-breakpoint
CREATE INDEX "entries_subject" ON "log"."entries" USING btree ("subject_kind","subject","index") WHERE kind = 'event';--> statement-breakpoint
CREATE INDEX "entries_digest" ON "log"."entries" USING btree ("digest") WHERE kind in ('refusal', 'operation');--> statement-breakpoint
CREATE INDEX "entries_rules" ON "log"."entries" USING btree ("index") WHERE kind in ('key', 'catalogue');