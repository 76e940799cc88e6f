import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import type { SubjectState } from '../domain/order.ts'
import type { Origin, ParkedCause } from '../domain/record.ts'
import type { JsonObject } from '../domain/text.ts'

// The same tables for every bureau: they name no schema, search_path does.

const position = (name: string) => bigint(name, { mode: 'number' })

export const records = pgTable(
  'records',
  {
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    status: text('status').notNull(),
    /** the layers beside the main one, as far as this bureau receives their types */
    layers: jsonb('layers').$type<Readonly<Record<string, Readonly<Record<string, string>>>>>().notNull(),
    name: text('name'),
    jurisdiction: text('jurisdiction'),
    /** what the bureau's assignment table makes of the jurisdiction */
    office: text('office'),
    data: jsonb('data').$type<JsonObject>().notNull(),
    provenance: jsonb('provenance').$type<Readonly<Record<string, Origin>>>().notNull(),
    /** the full state, input of the next fold; never shown */
    state: jsonb('state').$type<SubjectState>().notNull(),
    firstIndex: position('first_index').notNull(),
    lastIndex: position('last_index').notNull(),
    updatedAt: timestamp('updated_at', { withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.subject] }),
    index('records_name').on(table.kind, table.name),
    index('records_status').on(table.kind, table.status, table.subject),
    index('records_jurisdiction').on(table.kind, table.jurisdiction, table.subject),
  ],
)

/** How far this view has come in each partition; written in the transaction that wrote the records. */
export const positions = pgTable(
  'positions',
  {
    /** the kind's topic, without the broker's prefix */
    topic: text('topic').notNull(),
    partition: integer('partition').notNull(),
    /** every event entry of the partition up to this index is applied, parked or dismissed; -1: none yet */
    index: position('index').notNull(),
    /** the topic's name at the broker and the offset after the last message taken, when there is a broker */
    brokerTopic: text('broker_topic'),
    brokerOffset: position('broker_offset'),
  },
  (table) => [primaryKey({ columns: [table.topic, table.partition] })],
)

export const parked = pgTable(
  'parked',
  {
    index: position('index').primaryKey(),
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    type: text('type').notNull(),
    /** a {@link ParkedCause}; `behind` for an event that waits for an earlier one of its subject */
    cause: text('cause').$type<ParkedCause>().notNull(),
    /** what went wrong, for people; no personal data */
    detail: text('detail').notNull(),
    parkedAt: timestamp('parked_at', { withTimezone: true, precision: 3 }).notNull(),
    tries: integer('tries').notNull(),
    /** the replay that tried it last and failed */
    replay: position('replay'),
  },
  (table) => [
    index('parked_subject').on(table.kind, table.subject, table.index),
    index('parked_cause').on(table.cause, table.type),
    // the first of each subject: what a replay goes through
    index('parked_heads').on(table.index).where(sql`cause <> 'behind'`),
  ],
)

/** Events that an operator took out of this view: input of its fold, since the log keeps them. */
export const dismissed = pgTable(
  'dismissed',
  {
    index: position('index').primaryKey(),
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    type: text('type').notNull(),
    /** why it had been parked */
    cause: text('cause').$type<ParkedCause>().notNull(),
    /** index of the `operation` entry that asked for it */
    operation: position('operation').notNull(),
    party: text('party').notNull(),
    reason: text('reason').notNull(),
    dismissedAt: timestamp('dismissed_at', { withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [index('dismissed_subject').on(table.kind, table.subject, table.index)],
)
