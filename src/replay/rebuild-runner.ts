import { startLeasedWork } from '../bus/leased-work.ts'
import type { Leases } from '../bus/leases.ts'
import { pause } from '../bus/pause.ts'
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
 * Does what the rebuilds of one bureau ask for: what it has come to stands in the rebuild's row and schema.
 *
 * @returns ends it after the page under way
 */
export function startRebuilds(means: RebuildRunnerMeans): () => Promise<void> {
  const { bureau, shared, leases, logger } = means
  return startLeasedWork({
    leases,
    name: `lianban rebuild ${bureau}`,
    isDue: async () => (await openRebuild(shared, bureau)) !== undefined || (await hasLeftovers(shared, bureau)),
    pollMs,
    work: (goesOn, signal) => workWhile(means, goesOn, signal),
    failed: (error) => logger.warn({ bureau, error }, 'the rebuild waits: the machine failed, nothing is lost'),
  })
}

async function workWhile(means: RebuildRunnerMeans, goesOn: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  const { bureau, shared } = means
  // what a swap replaced, or a cancelled rebuild left
  await dropSchema(shared, replacedSchema(bureau))
  if ((await openRebuild(shared, bureau)) === undefined) return dropSchema(shared, rebuildSchema(bureau))
  const names = { live: viewSchema(bureau), schema: rebuildSchema(bureau), replaced: replacedSchema(bureau) }
  const opened = await means.openSchema(names.schema)
  const step = { ...means, ...names, sql: opened.sql, goesOn: () => !signal.aborted }
  try {
    while (await goesOn()) {
      const next = await rebuildStep(step)
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
