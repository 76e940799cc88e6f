import { createHash } from 'node:crypto'
import type { SeenCheckpoint } from '../audit/contradiction.ts'
import type { RawSql } from '../database/connect.ts'
import { isBegun } from '../log/begin.ts'
import type { LogKey } from '../log/log-key.ts'
import { RulesKeeper } from '../log/rules-in-force.ts'
import { onOwnConnection } from '../log/transaction.ts'
import { verifyStart } from '../log/verify-start.ts'
import { type Ahead, emptyViews, forgetProgress, topicsAhead, viewsAhead } from './derived-ahead.ts'
import type { FoundEntries } from './found-entries.ts'
import type { RestoredLog } from './restored-log.ts'
import { writeBack } from './write-back.ts'

export interface Recovery {
  readonly sql: RawSql
  readonly key: LogKey
  readonly restored: RestoredLog
  /** what the log becomes: everything below is proved */
  readonly target: SeenCheckpoint
  readonly found: FoundEntries
  /** files of catalogues by SHA-256, hex, wherever there may be one; undefined where there is none */
  readonly blobs: readonly ((digest: string) => Promise<Buffer | undefined>)[]
  readonly onProgress?: (done: number, total: number) => void
}

/** What was derived from entries that the log does not have, and was taken back. */
export interface TakenBack {
  readonly views: readonly Ahead[]
  readonly topics: readonly Ahead[]
}

/** Another process has the database open: appends of its own would collide with what is put back. */
export class ExchangeRuns extends Error {
  override readonly name = 'ExchangeRuns'
}

/**
 * Makes the log what was published, in one transaction: either all of it is there afterwards, or nothing has changed.
 *
 * @throws {ExchangeRuns} when somebody else is connected
 * @throws {LogInconsistent} when the start would still refuse the log; nobody has ever seen that
 */
export async function recover(recovery: Recovery): Promise<TakenBack> {
  const { sql, key, restored, target, found, blobs, onProgress } = recovery
  await expectStopped(sql)
  const inForce = (await isBegun(sql)) ? (await RulesKeeper.load(sql)).inForce : undefined
  const takenBack = await onOwnConnection(sql, async (tx, stillHeld) => {
    await tx`begin`
    // who began in between waits for the head, and then finds the log longer than it thought
    await tx`lock table log.head in exclusive mode`
    const [head] = await tx<{ size: number }[]>`select size from log.head`
    if ((head?.size ?? 0) !== restored.size)
      throw new ExchangeRuns('the log has grown meanwhile: stop every process of the exchange')
    if (target.size > restored.size) {
      const blob = (digest: string) => blobOf(sql, digest, blobs)
      await writeBack(tx, { key, edge: restored.edge, target, inForce, found, blob, ...(onProgress ? { onProgress } : {}) })
    }
    stillHeld()
    const views = await viewsAhead(tx, target.size)
    const topics = await topicsAhead(tx, target.size)
    await emptyViews(tx, views, target.size)
    await forgetProgress(tx, topics)
    await tx`commit`
    return { views, topics }
  })
  await verifyStart(sql, key, target.note)
  return takenBack
}

/** @throws {ExchangeRuns} */
export async function expectStopped(sql: RawSql): Promise<void> {
  const others = await sql<{ name: string }[]>`
    select distinct application_name as name from pg_stat_activity
    where datname = current_database() and application_name like 'lianban%'
      and application_name <> all (array['lianban command', 'lianban migrate'])`
  if (others.length > 0)
    throw new ExchangeRuns(
      `stop every process of the exchange first: ${others.map(({ name }) => name).join(', ')} ${others.length === 1 ? 'is' : 'are'} connected to the database`,
    )
}

async function blobOf(sql: RawSql, digest: string, blobs: Recovery['blobs']): Promise<string> {
  const [row] = await sql<{ content: string }[]>`select content from log.blobs where digest = ${digest}`
  if (row !== undefined) return row.content
  for (const read of blobs) {
    const bytes = await read(digest)
    if (bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === digest) return bytes.toString('utf8')
  }
  throw new Error(
    `no source has the catalogue file ${digest}, which a lost catalogue names; bring a mirror, or set CATALOGUE to the files of then`,
  )
}
