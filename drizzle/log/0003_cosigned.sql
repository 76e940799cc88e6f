CREATE TABLE "log"."cosigned" (
	"id" integer PRIMARY KEY NOT NULL,
	"size" bigint NOT NULL,
	"checkpoint" text NOT NULL,
	CONSTRAINT "only_one_cosigned" CHECK ("log"."cosigned"."id" = 1)
);
