import { sql } from 'drizzle-orm'
import { bigint, index, integer, jsonb, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'
import { operationsSchema } from '../operations/tables.ts'
import type { AlarmDetails, AlarmKind } from './alarm.ts'

const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })

/** What is wrong, or was: one row from being raised to being cleared, for all processes. */
export const alarms = operationsSchema.table(
  'alarms',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind').$type<AlarmKind>().notNull(),
    /** what it is about, within its kind: a bureau, a group; never a subject */
    about: text('about').notNull(),
    /** `raised`, `cleared` */
    state: text('state').notNull(),
    details: jsonb('details').$type<AlarmDetails>().notNull(),
    raisedAt: instant('raised_at').notNull(),
    /** when it was last found to be so */
    seenAt: instant('seen_at').notNull(),
    clearedAt: instant('cleared_at'),
    /** the state that the webhook was told last: `nothing`, `raised`, `cleared` */
    told: text('told').notNull(),
    /** to tell the present state */
    tries: integer('tries').notNull(),
    nextTryAt: instant('next_try_at').notNull(),
  },
  (table) => [
    uniqueIndex('alarms_raised').on(table.kind, table.about).where(sql`state = 'raised'`),
    index('alarms_untold').on(table.id).where(sql`told <> state`),
  ],
)
