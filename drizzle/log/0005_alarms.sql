CREATE TABLE "operations"."alarms" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "operations"."alarms_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"kind" text NOT NULL,
	"about" text NOT NULL,
	"state" text NOT NULL,
	"details" jsonb NOT NULL,
	"raised_at" timestamp (3) with time zone NOT NULL,
	"seen_at" timestamp (3) with time zone NOT NULL,
	"cleared_at" timestamp (3) with time zone,
	"told" text NOT NULL,
	"tries" integer NOT NULL,
	"next_try_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "alarms_raised" ON "operations"."alarms" USING btree ("kind","about") WHERE state = 'raised';--> statement-breakpoint
CREATE INDEX "alarms_untold" ON "operations"."alarms" USING btree ("id") WHERE told <> state;