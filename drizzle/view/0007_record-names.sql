DROP INDEX "records_name";--> statement-breakpoint
CREATE INDEX "records_name" ON "records" USING btree ("kind","subject","name","first_index");