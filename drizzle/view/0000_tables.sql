CREATE TABLE "parked" (
	"index" bigint PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"type" text NOT NULL,
	"cause" text NOT NULL,
	"detail" text NOT NULL,
	"parked_at" timestamp (3) with time zone NOT NULL,
	"tries" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "positions" (
	"topic" text NOT NULL,
	"partition" integer NOT NULL,
	"index" bigint NOT NULL,
	"broker_topic" text,
	"broker_offset" bigint,
	CONSTRAINT "positions_topic_partition_pk" PRIMARY KEY("topic","partition")
);
--> statement-breakpoint
CREATE TABLE "records" (
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"status" text NOT NULL,
	"layers" jsonb NOT NULL,
	"name" text,
	"jurisdiction" text,
	"office" text,
	"data" jsonb NOT NULL,
	"provenance" jsonb NOT NULL,
	"state" jsonb NOT NULL,
	"first_index" bigint NOT NULL,
	"last_index" bigint NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "records_kind_subject_pk" PRIMARY KEY("kind","subject")
);
--> statement-breakpoint
CREATE INDEX "parked_subject" ON "parked" USING btree ("kind","subject","index");--> statement-breakpoint
CREATE INDEX "parked_cause" ON "parked" USING btree ("cause","type");--> statement-breakpoint
CREATE INDEX "records_name" ON "records" USING btree ("kind","name");--> statement-breakpoint
CREATE INDEX "records_status" ON "records" USING btree ("kind","status","subject");--> statement-breakpoint
CREATE INDEX "records_jurisdiction" ON "records" USING btree ("kind","jurisdiction","subject");