CREATE TABLE "dismissed" (
	"index" bigint PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"subject" text NOT NULL,
	"type" text NOT NULL,
	"cause" text NOT NULL,
	"operation" bigint NOT NULL,
	"party" text NOT NULL,
	"reason" text NOT NULL,
	"dismissed_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "parked" ADD COLUMN "replay" bigint;--> statement-breakpoint
CREATE INDEX "dismissed_subject" ON "dismissed" USING btree ("kind","subject","index");--> statement-breakpoint
CREATE INDEX "parked_heads" ON "parked" USING btree ("index") WHERE cause <> 'behind';