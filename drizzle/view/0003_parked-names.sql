DROP INDEX "parked_cause";--> statement-breakpoint
ALTER TABLE "parked" ADD COLUMN "name" text;--> statement-breakpoint
CREATE INDEX "parked_cause" ON "parked" USING btree ("cause","type","index");