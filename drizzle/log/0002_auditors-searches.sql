CREATE INDEX "entries_event_type" ON "log"."entries" USING btree ("type","party","index") WHERE kind = 'event';--> statement-breakpoint
CREATE INDEX "entries_refusal" ON "log"."entries" USING btree ("party","problem","index") WHERE kind = 'refusal';--> statement-breakpoint
CREATE INDEX "entries_refusal_type" ON "log"."entries" USING btree ("type","party","problem","index") WHERE kind = 'refusal';--> statement-breakpoint
CREATE INDEX "entries_operation" ON "log"."entries" USING btree ("party","index") WHERE kind = 'operation';