ALTER TABLE "log"."published" ADD COLUMN "heartbeat_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "log"."published" ADD COLUMN "heartbeat_size" bigint;