import { pause } from '../bus/pause.ts'
import type { RawSql } from '../database/connect.ts'
import type { RulesKeeper } from '../log/rules-in-force.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../metrics.ts'
import { approveAct } from '../operations/approve.ts'
import { checkViewAct } from '../operations/check-view.ts'
import { dismissAct } from '../operations/dismiss.ts'
import { Ledger } from '../operations/ledger.ts'
import { rebuildActs } from '../operations/rebuild-acts.ts'
import { replayActs } from '../operations/replay-acts.ts'
import { republishAct } from '../operations/republish.ts'
import { startReplays } from '../replay/runner.ts'
import { judgingOf } from '../view/judging.ts'
import { placeOf } from '../view/place.ts'
import { type ViewWorkerMeans, viewAtWork, type Workers, workersOf } from './view-workers.ts'

/** A gateway that died between a request's record and its effect leaves the effect to the others: they look this often. */
const ledgerPollMs = 5_000

/**
 * The ledger of a process that takes operators' requests; it also carries out what others left.
 *
 * @param broker whether there is one that can be sent to
 */
export function openLedger(
  sql: RawSql,
  keeper: RulesKeeper,
  logger: Logger,
  broker = false,
): { readonly ledger: Ledger; close(): Promise<void> } {
  const ledger = ledgerOf(sql, keeper, logger, broker)
  const stopping = new AbortController()
  const followed = (async () => {
    while (!stopping.signal.aborted) {
      await ledger.carryOut().catch((error: unknown) => logger.warn({ error }, 'operations on record wait: they are tried again'))
      await pause(ledgerPollMs, stopping.signal)
    }
  })()
  return {
    ledger,
    async close() {
      stopping.abort()
      await followed
    },
  }
}

/** Does what the replays of the bureaus that this process consumes for ask for. */
export function replayWorkers(means: ViewWorkerMeans, metrics: Metrics): Workers {
  return workersOf(means.sql, means.logger, (bureau, leases) =>
    startReplays({
      ...viewAtWork(bureau, means),
      leases,
      onStep: (events) => metrics.replayed.inc({ bureau }, events),
    }),
  )
}

function ledgerOf(sql: RawSql, keeper: RulesKeeper, logger: Logger, broker: boolean): Ledger {
  const rules = () => keeper.inForce.rules
  const ledger: Ledger = new Ledger({
    sql,
    acts: [
      ...replayActs({ sql, rules }),
      ...rebuildActs({ sql, rules }),
      dismissAct({
        sql,
        rules,
        judging: (bureau) => judgingOf(bureau, keeper.inForce.rules, keeper.inForce.catalogues),
        partitionOf: (subject) => placeOf(keeper.inForce.rules, subject),
        clock: () => new Date(),
      }),
      republishAct({ sql, broker }),
      checkViewAct({ sql, rules }),
      approveAct(sql, (action) => ledger.act(action)),
    ],
    twoPersons: () => rules().catalogue.twoPersons ?? [],
    logger,
  })
  return ledger
}
