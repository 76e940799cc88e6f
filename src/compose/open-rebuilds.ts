import { connect, type RawSql } from '../database/connect.ts'
import type { RulesInForce, RulesKeeper } from '../log/rules-in-force.ts'
import type { Logger } from '../logger.ts'
import { startRebuilds } from '../replay/rebuild-runner.ts'
import type { RebuildMeans, RebuildRules } from '../replay/rebuild-step.ts'
import { judgingOf } from '../view/judging.ts'
import { placeOf } from '../view/place.ts'
import { operatorsMask } from '../view/record-json.ts'
import { migrateView } from '../view/view-schema.ts'
import { type Workers, workersOf } from './view-workers.ts'

/** One that reads, one that stores, one that asks how things stand. */
const connections = 3

export interface RebuildWorkerMeans {
  readonly url: string
  readonly sql: RawSql
  readonly keeper: RulesKeeper
  readonly logger: Logger
}

/** Does what the rebuilds of the bureaus that this process consumes for ask for. */
export function rebuildWorkers({ url, sql, keeper, logger }: RebuildWorkerMeans): Workers {
  return workersOf(sql, logger, (bureau, leases) =>
    startRebuilds({
      ...rebuildMeans(bureau, sql, keeper),
      shared: sql,
      async openSchema(schema) {
        await migrateView(url, schema)
        const opened = connect(url, { name: `lianban rebuild ${bureau}`, schema, maxConnections: connections, derived: true })
        return { sql: opened.raw, close: opened.close }
      },
      leases,
      logger,
    }),
  )
}

/** What a rebuild of one bureau's view goes by, whichever process does it. */
export function rebuildMeans(
  bureau: string,
  sql: RawSql,
  keeper: RulesKeeper,
): Omit<RebuildMeans, 'sql' | 'live' | 'schema' | 'replaced' | 'goesOn'> {
  return {
    bureau,
    rules: () => rulesOf(bureau, keeper.inForce),
    refreshRules: async () => rulesOf(bureau, await keeper.refresh(sql)),
    partitionOf: (subject) => placeOf(keeper.inForce.rules, subject),
    maskOf: (kind) => operatorsMask(keeper.inForce.rules, kind),
    clock: () => new Date(),
  }
}

function rulesOf(bureau: string, { rules, catalogues }: RulesInForce): RebuildRules {
  return {
    catalogue: catalogues.at(-1)?.index ?? -1,
    judging: judgingOf(bureau, rules, catalogues),
    partitions: [...rules.kinds.values()].flatMap(({ topic, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
    ),
  }
}
