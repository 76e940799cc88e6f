CREATE TABLE "log"."republications" (
	"id" bigint PRIMARY KEY NOT NULL,
	"from_index" bigint NOT NULL,
	"to_index" bigint NOT NULL,
	"sent_to" bigint NOT NULL,
	"last_indexes" jsonb,
	"events" bigint NOT NULL,
	"party" text NOT NULL,
	"reason" text NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"finished_at" timestamp (3) with time zone
);
