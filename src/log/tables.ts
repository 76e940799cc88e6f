import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { SubjectState } from '../domain/order.ts'

const bytea = customType<{ data: Buffer; driverData: Buffer }>({ dataType: () => 'bytea' })
const position = (name: string) => bigint(name, { mode: 'number' })

export const logSchema = pgSchema('log')

/** One row: the log as it stands. Locking it orders every append of every gateway. */
export const head = logSchema.table(
  'head',
  {
    id: integer('id').primaryKey(),
    origin: text('origin').notNull(),
    size: position('size').notNull(),
    /** hashes of the perfect subtrees that make up the tree, largest first, 32 bytes each */
    frontier: bytea('frontier').notNull(),
    root: bytea('root').notNull(),
    /** the signed note */
    checkpoint: text('checkpoint').notNull(),
    /** `received` of the last entry: it never runs backwards */
    lastReceived: timestamp('last_received', { withTimezone: true, precision: 3 }).notNull(),
    /** index of the last `key` or `catalogue` entry: what was checked before it is checked again */
    rulesIndex: position('rules_index').notNull(),
  },
  (table) => [check('only_one', sql`${table.id} = 1`)],
)

/** The log itself. A trigger refuses UPDATE, DELETE and TRUNCATE. */
export const entries = logSchema.table(
  'entries',
  {
    index: position('index').primaryKey(),
    kind: text('kind').notNull(),
    received: timestamp('received', { withTimezone: true, precision: 3 }).notNull(),
    /** the bytes that were hashed, as UTF-8 text */
    entry: text('entry').notNull(),
    leaf: bytea('leaf').notNull(),
    /** what follows is read off the entry, for look-ups; null where the kind of entry has none */
    party: text('party'),
    eventId: text('event_id'),
    type: text('type'),
    subjectKind: text('subject_kind'),
    subject: text('subject'),
    /** event: SHA-256 of the payload; refusal: of the compact JWS; operation: of the token */
    digest: bytea('digest'),
    problem: text('problem'),
  },
  (table) => [
    uniqueIndex('entries_event_id').on(table.party, table.eventId).where(sql`kind = 'event'`),
    index('entries_subject').on(table.subjectKind, table.subject, table.index).where(sql`kind = 'event'`),
    index('entries_digest').on(table.digest).where(sql`kind in ('refusal', 'operation')`),
    index('entries_rules').on(table.index).where(sql`kind in ('key', 'catalogue')`),
    // for auditors' searches (search.ts): only the first is written for accepted events
    index('entries_event_type').on(table.type, table.party, table.index).where(sql`kind = 'event'`),
    index('entries_refusal').on(table.party, table.problem, table.index).where(sql`kind = 'refusal'`),
    index('entries_refusal_type').on(table.type, table.party, table.problem, table.index).where(sql`kind = 'refusal'`),
    index('entries_operation').on(table.party, table.index).where(sql`kind = 'operation'`),
    // what the ledger of operations goes on from
    index('entries_operations').on(table.index).where(sql`kind = 'operation'`),
  ],
)

/** Full tiles only, with the hash of their subtree; partial ones are computed when asked for. */
export const tiles = logSchema.table(
  'tiles',
  {
    level: integer('level').notNull(),
    n: position('n').notNull(),
    hashes: bytea('hashes').notNull(),
    root: bytea('root').notNull(),
  },
  (table) => [primaryKey({ columns: [table.level, table.n] })],
)

/** The state of every subject, folded from its events: what legal order is decided against. */
export const subjects = logSchema.table(
  'subjects',
  {
    kind: text('kind').notNull(),
    subject: text('subject').notNull(),
    state: jsonb('state').$type<SubjectState>().notNull(),
    lastIndex: position('last_index').notNull(),
  },
  (table) => [primaryKey({ columns: [table.kind, table.subject] })],
)

/** Files of the catalogue, by digest. */
export const blobs = logSchema.table('blobs', {
  /** SHA-256, hex */
  digest: text('digest').primaryKey(),
  content: text('content').notNull(),
})

/** How far the publisher has come with each topic of a broker. */
export const published = logSchema.table('published', {
  /** `<prefix>.<topic>` */
  topic: text('topic').primaryKey(),
  partitions: integer('partitions').notNull(),
  /** every event entry up to this index is in the topic */
  index: position('index').notNull(),
  /** last index in each partition, -1 where there is none */
  lastIndexes: jsonb('last_indexes').$type<readonly number[]>().notNull(),
  /** when the broker last took a heartbeat of every partition, and the entries of the log that it named */
  heartbeatAt: timestamp('heartbeat_at', { withTimezone: true, precision: 3 }),
  heartbeatSize: position('heartbeat_size'),
})

/** Stretches of the log that operators asked the publisher to send again. */
export const republications = logSchema.table('republications', {
  /** index of the `operation` entry that asked for it */
  id: position('id').primaryKey(),
  /** first and last index of the stretch */
  fromIndex: position('from_index').notNull(),
  toIndex: position('to_index').notNull(),
  /** every event of the stretch up to this index was sent again */
  sentTo: position('sent_to').notNull(),
  /** by topic with prefix: last index in each partition before what comes next; null until it has begun */
  lastIndexes: jsonb('last_indexes').$type<Readonly<Record<string, readonly number[]>>>(),
  /** sent again so far */
  events: position('events').notNull(),
  party: text('party').notNull(),
  reason: text('reason').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true, precision: 3 }).notNull(),
  /** null: there is more to send */
  finishedAt: timestamp('finished_at', { withTimezone: true, precision: 3 }),
})

/** One row: the newest checkpoint that a quorum of witnesses stands by. Without witnesses there is none. */
export const cosigned = logSchema.table(
  'cosigned',
  {
    id: integer('id').primaryKey(),
    size: position('size').notNull(),
    /** the signed note with the cosignatures */
    checkpoint: text('checkpoint').notNull(),
  },
  (table) => [check('only_one_cosigned', sql`${table.id} = 1`)],
)
