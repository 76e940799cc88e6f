import { Leases } from '../bus/leases.ts'
import type { RawSql } from '../database/connect.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { Logger } from '../logger.ts'
import type { SubjectKey } from '../view/histories.ts'
import { judgingOf } from '../view/judging.ts'
import { placeOf } from '../view/place.ts'

/** What a process does for each bureau that it consumes for, beside consuming. */
export interface Workers {
  /** takes up the work of one bureau */
  follow(bureau: string): void
  /** ends it after the steps under way */
  close(): Promise<void>
}

/**
 * Work for bureaus that of all processes one at a time does.
 *
 * @param start takes up the work of one bureau; what it returns ends it
 */
export function workersOf(sql: RawSql, logger: Logger, start: (bureau: string, leases: Leases) => () => Promise<void>): Workers {
  const leases = new Leases(sql, logger)
  const stops: (() => Promise<void>)[] = []
  return {
    follow: (bureau) => void stops.push(start(bureau, leases)),
    async close() {
      await Promise.all(stops.map((stop) => stop()))
      await leases.close()
    },
  }
}

export interface ViewWorkerMeans {
  readonly sql: RawSql
  readonly keeper: RulesKeeper
  /** connections whose search_path is the schema of a bureau's view */
  readonly viewOf: (bureau: string) => RawSql | undefined
  readonly logger: Logger
}

/**
 * A bureau's view as its workers take it: its connections, and the rules in force at every step.
 *
 * @throws {Error} when this process has not opened the view
 */
export function viewAtWork(bureau: string, { sql, keeper, viewOf, logger }: ViewWorkerMeans) {
  const view = viewOf(bureau)
  if (view === undefined) throw new Error(`the view of ${bureau} was not opened`)
  return {
    bureau,
    sql: view,
    judging: () => judgingOf(bureau, keeper.inForce.rules, keeper.inForce.catalogues),
    partitionOf: (subject: SubjectKey) => placeOf(keeper.inForce.rules, subject),
    clock: () => new Date(),
    refreshRules: () => keeper.refresh(sql),
    logger,
  }
}
