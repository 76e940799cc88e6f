import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, json, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import type { SubjectState } from '../domain/order.ts'
import type { Provenance } from '../domain/provenance.ts'
import type { ParkedCause } from '../domain/record.ts'
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
    layers: json('layers').$type<Readonly<Record<string, Readonly<Record<string, string>>>>>().notNull(),
    name: text('name'),
    jurisdiction: text('jurisdiction'),
    /** what the bureau's assignment table makes of the jurisdiction */
    office: text('office'),
    data: json('data').$type<JsonObject>().notNull(),
    provenance: json('provenance').$type<Provenance>().notNull(),
    /** the full state, input of the next fold; never shown */
    state: json('state').$type<SubjectState>().notNull(),
    firstIndex: position('first_index').notNull(),
    lastIndex: position('last_index').notNull(),
    /** applied so far; what the check for holes counts */
    events: integer('events').notNull().default(0),
    updatedAt: timestamp('updated_at', { withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.kind, table.subject] }),
    // a part of a name is looked for in the index alone: the records themselves are a hundred times as large
    index('records_subject_name').on(table.kind, table.subject, table.name, table.firstIndex),
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
    /** what the last heartbeat said: entries of the log up to which this position is complete, and when it was taken */
    heardSize: position('heard_size'),
    heardAt: timestamp('heard_at', { withTimezone: true, precision: 3 }),
  },
  (table) => [primaryKey({ columns: [table.topic, table.partition] })],
)

/** One row: how far the check for holes is, and what it has found. */
export const completeness = pgTable(
  'completeness',
  {
    id: integer('id').primaryKey(),
    /** of the round under way: subjects of the event entries up to here were looked at; -1 at its beginning */
    checkedTo: position('checked_to').notNull(),
    /** null: no round is under way */
    startedAt: timestamp('started_at', { withTimezone: true, precision: 3 }),
    /** end of the last whole round, and the entries that the log had then */
    completedAt: timestamp('completed_at', { withTimezone: true, precision: 3 }),
    completedSize: position('completed_size'),
    /** events that the round under way met, and the last whole one had met, before the view had taken them in: they were not checked */
    behindInRound: position('behind_in_round').notNull().default(0),
    completedBehind: position('completed_behind'),
    /** events that the round under way, or the last one, found missing and folded in; and those of all rounds */
    healedInRound: position('healed_in_round').notNull(),
    healed: position('healed').notNull(),
    healedAt: timestamp('healed_at', { withTimezone: true, precision: 3 }),
    /** the `operation` entry of the last request for a round, and the last that a round has answered */
    asked: position('asked'),
    answered: position('answered'),
  },
  (table) => [check('only_one_completeness', sql`${table.id} = 1`)],
)

export const parked = pgTable(
  'parked',
  {
    index: position('index').primaryKey(),
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    type: text('type').notNull(),
    /** what the event calls its subject, if it does: there may be no record yet that could be searched by name */
    name: text('name'),
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
    index('parked_cause').on(table.cause, table.type, table.index),
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
    /** why it had been parked; null where the view was made anew since */
    cause: text('cause').$type<ParkedCause>(),
    /** index of the `operation` entry that asked for it */
    operation: position('operation').notNull(),
    party: text('party').notNull(),
    reason: text('reason').notNull(),
    dismissedAt: timestamp('dismissed_at', { withTimezone: true, precision: 3 }).notNull(),
  },
  (table) => [index('dismissed_subject').on(table.kind, table.subject, table.index)],
)
