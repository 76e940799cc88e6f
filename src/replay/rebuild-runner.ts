import type { Leases } from '../bus/leases.ts'
import { GrowingPause, pause } from '../bus/pause.ts'
import type { RawSql } from '../database/connect.ts'
import type { Logger } from '../logger.ts'
import { rebuildSchema, replacedSchema, viewSchema } from '../view/view-schema.ts'
import { type RebuildMeans, rebuildStep } from './rebuild-step.ts'
import { openRebuild } from './rebuild-store.ts'

/** How soon a request is taken up, and how often a rebuilt view that waits for its swap takes in what came. */
const pollMs = 500

export interface RebuildRunnerMeans extends Omit<RebuildMeans, 'sql' | 'live' | 'schema' | 'replaced' | 'goesOn'> {
  /** connections that name no view */
  readonly shared: RawSql
  /** Brings the tables of a rebuild's schema up to date, and connects to it: its search_path. */
  readonly openSchema: (schema: string) => Promise<{ readonly sql: RawSql; close(): Promise<void> }>
  readonly leases: Leases
  readonly logger: Logger
}

/**
 * Does what the rebuilds of one bureau ask for; of all processes one at a time. What it has come to stands in the rebuild's row and
 * schema, so whoever comes next goes on there.
 *
 * @returns ends it after the page under way
 */
export function startRebuilds(means: RebuildRunnerMeans): () => Promise<void> {
  const stopping = new AbortController()
  const ended = follow(means, stopping.signal)
  return async () => {
    stopping.abort()
    await ended
  }
}

async function follow(means: RebuildRunnerMeans, signal: AbortSignal): Promise<void> {
  const { bureau, shared, leases, logger } = means
  const pauses = new GrowingPause(200, 5000)
  while (!signal.aborted) {
    try {
      if ((await openRebuild(shared, bureau)) === undefined && !(await hasLeftovers(shared, bureau))) {
        await pause(pollMs, signal)
        continue
      }
      const lease = await leases.acquire(`lianban rebuild ${bureau}`, signal)
      if (lease === undefined) return
      try {
        await workWhile(means, signal, () => lease.held(), pauses)
      } finally {
        await lease.release()
      }
    } catch (error) {
      logger.warn({ bureau, error: String(error) }, 'the rebuild waits: the machine failed, nothing is lost')
      await pauses.wait(signal)
    }
  }
}

async function workWhile(
  means: RebuildRunnerMeans,
  signal: AbortSignal,
  held: () => Promise<boolean>,
  pauses: GrowingPause,
): Promise<void> {
  const { bureau, shared } = means
  // what a swap replaced, or a cancelled rebuild left
  await dropSchema(shared, replacedSchema(bureau))
  if ((await openRebuild(shared, bureau)) === undefined) return dropSchema(shared, rebuildSchema(bureau))
  const names = { live: viewSchema(bureau), schema: rebuildSchema(bureau), replaced: replacedSchema(bureau) }
  const opened = await means.openSchema(names.schema)
  const step = { ...means, ...names, sql: opened.sql, goesOn: () => !signal.aborted }
  try {
    while (!signal.aborted && (await held())) {
      const next = await rebuildStep(step)
      pauses.reset()
      if (next === 'ended') return
      if (next === 'wait') await pause(pollMs, signal)
    }
  } finally {
    await opened.close()
  }
}

async function hasLeftovers(sql: RawSql, bureau: string): Promise<boolean> {
  const [row] = await sql<{ there: boolean }[]>`
    select exists (select 1 from pg_namespace where nspname in (${rebuildSchema(bureau)}, ${replacedSchema(bureau)})) as there`
  return row?.there === true
}

async function dropSchema(sql: RawSql, schema: string): Promise<void> {
  await sql`drop schema if exists ${sql(schema)} cascade`
}
