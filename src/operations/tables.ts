import { sql } from 'drizzle-orm'
import { bigint, boolean, check, index, integer, jsonb, pgSchema, text, timestamp } from 'drizzle-orm/pg-core'
import type { JsonObject } from '../domain/text.ts'
import type { ReplayFilter } from '../replay/filter.ts'
import type { PlanResult, ReplayFailure, ReplayState } from '../replay/replay.ts'

// What operators asked for. The `operation` entries of the log are the requests; these rows are what became of them.

const position = (name: string) => bigint(name, { mode: 'number' })
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })

export const operationsSchema = pgSchema('operations')

/** One row: every `operation` entry up to here was carried out. */
export const ledger = operationsSchema.table(
  'ledger',
  { id: integer('id').primaryKey(), carriedTo: position('carried_to').notNull() },
  (table) => [check('only_one_ledger', sql`${table.id} = 1`)],
)

/** Requests that wait for a second person. */
export const proposals = operationsSchema.table('proposals', {
  /** index of the `operation` entry */
  id: position('id').primaryKey(),
  action: text('action').notNull(),
  party: text('party').notNull(),
  kid: text('kid').notNull(),
  reason: text('reason').notNull(),
  details: jsonb('details').$type<JsonObject>().notNull(),
  /** `waiting`, `approved` */
  state: text('state').notNull(),
  /** index of the approval's own entry */
  approvedBy: position('approved_by'),
  createdAt: instant('created_at').notNull(),
})

export const replays = operationsSchema.table(
  'replays',
  {
    /** index of the `operation` entry that asked for the plan */
    id: position('id').primaryKey(),
    bureau: text('bureau').notNull(),
    filter: jsonb('filter').$type<ReplayFilter>().notNull(),
    state: text('state').$type<ReplayState>().notNull(),
    /** events a second; null: as fast as it goes */
    rate: integer('rate'),
    /** pauses by itself when so many subjects have failed again since it was started or resumed */
    pauseAfter: integer('pause_after').notNull(),
    /** subjects that may be taken before it pauses; null: all */
    allowance: position('allowance'),
    /** subjects whose first parked event stands at or below this index */
    upTo: position('up_to').notNull(),
    /** the first parked event of the last subject taken */
    after: position('after').notNull(),
    plan: jsonb('plan').$type<PlanResult>(),
    subjectsDone: position('subjects_done').notNull(),
    eventsApplied: position('events_applied').notNull(),
    subjectsFailed: position('subjects_failed').notNull(),
    failedSinceResume: position('failed_since_resume').notNull(),
    failures: jsonb('failures').$type<readonly ReplayFailure[]>().notNull(),
    /** why it paused by itself */
    note: text('note'),
    party: text('party').notNull(),
    reason: text('reason').notNull(),
    createdAt: instant('created_at').notNull(),
    startedAt: instant('started_at'),
    updatedAt: instant('updated_at').notNull(),
  },
  (table) => [index('replays_open').on(table.bureau, table.id).where(sql`state in ('planning', 'running')`)],
)

export const rebuilds = operationsSchema.table('rebuilds', {
  /** index of the `operation` entry that asked for it */
  id: position('id').primaryKey(),
  bureau: text('bureau').notNull(),
  dryRun: boolean('dry_run').notNull(),
  state: text('state').notNull(),
  progress: jsonb('progress').$type<JsonObject>(),
  result: jsonb('result').$type<JsonObject>(),
  failure: text('failure'),
  party: text('party').notNull(),
  reason: text('reason').notNull(),
  createdAt: instant('created_at').notNull(),
  updatedAt: instant('updated_at').notNull(),
})
